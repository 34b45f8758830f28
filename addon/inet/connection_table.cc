#include "inet/connection_table.h"

#include <utility>

#include "base/assert.h"

namespace demi {

ConnectionTable::ConnectionTable(const SipHashKey& secret) : secret_(secret), buckets_(make_chains(kFirstBuckets)) {}

ConnectionTable::Chains ConnectionTable::make_chains(size_t count) {
  Chains chains(static_cast<Connection**>(std::calloc(count, sizeof(Connection*))));
  DEMI_ASSERT(chains != nullptr, "no memory for the table of connections");
  return chains;
}

void ConnectionTable::insert(Connection& connection) {
  DEMI_ASSERT(!connection.is_in_table, "a connection is in the table twice");
  // One connection a bucket on average: most lookups end at the first.
  if (is_growing()) {
    move_chains(kChainsMovedPerInsert);
  } else if (size_ > mask_) {
    begin_to_grow();
  }
  const uint64_t hash = this->hash(connection.tuple());
  DEMI_ASSERT(find(connection.tuple(), hash) == nullptr, "two connections of one tuple");
  Connection*& bucket = bucket_of(hash);
  connection.next_in_bucket = bucket;
  bucket = &connection;
  connection.is_in_table = true;
  ++size_;
}

void ConnectionTable::remove(Connection& connection) {
  DEMI_ASSERT(connection.is_in_table, "a connection is not in the table");
  Connection** link = &bucket_of(hash(connection.tuple()));
  while (*link != &connection) link = &(*link)->next_in_bucket;
  *link = connection.next_in_bucket;
  connection.next_in_bucket = nullptr;
  connection.is_in_table = false;
  --size_;
}

Connection* ConnectionTable::any() const {
  for (size_t i = 0; is_growing() && i <= old_mask_; ++i) {
    if (old_[i] != nullptr) return old_[i];
  }
  for (size_t i = 0; i <= mask_ && size_ > 0; ++i) {
    if (buckets_[i] != nullptr) return buckets_[i];
  }
  return nullptr;
}

void ConnectionTable::begin_to_grow() {
  const size_t larger = (mask_ + 1) * 2;
  old_ = std::exchange(buckets_, make_chains(larger));
  old_mask_ = std::exchange(mask_, larger - 1);
  moved_ = 0;
}

void ConnectionTable::move_chains(size_t count) {
  for (; count > 0 && moved_ <= old_mask_; --count, ++moved_) {
    for (Connection* moved = std::exchange(old_[moved_], nullptr); moved != nullptr;) {
      Connection* next = moved->next_in_bucket;
      Connection*& bucket = buckets_[hash(moved->tuple()) & mask_];
      moved->next_in_bucket = bucket;
      bucket = moved;
      moved = next;
    }
  }
  if (moved_ > old_mask_) old_.reset();
}

}  // namespace demi
