#include "inet/connection_table.h"

#include "base/assert.h"

namespace demi {

ConnectionTable::ConnectionTable(const SipHashKey& secret) : secret_(secret), buckets_(std::make_unique<Connection*[]>(kFirstBuckets)) {}

void ConnectionTable::insert(Connection& connection) {
  DEMI_ASSERT(!connection.is_in_table, "a connection is in the table twice");
  // One connection a bucket on average: most lookups end at the first.
  if (size_ > mask_) grow();
  connection.hash = hash(connection.tuple);
  DEMI_ASSERT(find(connection.tuple, connection.hash) == nullptr, "two connections of one tuple");
  Connection*& bucket = buckets_[connection.hash & mask_];
  connection.next_in_bucket = bucket;
  bucket = &connection;
  connection.is_in_table = true;
  ++size_;
}

void ConnectionTable::remove(Connection& connection) {
  DEMI_ASSERT(connection.is_in_table, "a connection is not in the table");
  Connection** link = &buckets_[connection.hash & mask_];
  while (*link != &connection) link = &(*link)->next_in_bucket;
  *link = connection.next_in_bucket;
  connection.next_in_bucket = nullptr;
  connection.is_in_table = false;
  --size_;
}

Connection* ConnectionTable::any() const {
  for (size_t i = 0; i <= mask_ && size_ > 0; ++i) {
    if (buckets_[i] != nullptr) return buckets_[i];
  }
  return nullptr;
}

void ConnectionTable::grow() {
  const size_t larger = (mask_ + 1) * 2;
  auto buckets = std::make_unique<Connection*[]>(larger);
  for (size_t i = 0; i <= mask_; ++i) {
    for (Connection* moved = buckets_[i]; moved != nullptr;) {
      Connection* next = moved->next_in_bucket;
      Connection*& bucket = buckets[moved->hash & (larger - 1)];
      moved->next_in_bucket = bucket;
      bucket = moved;
      moved = next;
    }
  }
  buckets_ = std::move(buckets);
  mask_ = larger - 1;
}

}  // namespace demi
