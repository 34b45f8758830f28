// PortTable<T>: the sockets of one protocol by their local port. T has `local()` and `next_in_bucket`, the table's own link. It owns nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/assert.h"

namespace demi {

template <class T>
class PortTable {
 public:
  void insert(T& socket) {
    T*& bucket = buckets_[socket.local().port % kBuckets];
    socket.next_in_bucket = bucket;
    bucket = &socket;
    ++size_;
  }
  void remove(T& socket) {
    T** link = &buckets_[socket.local().port % kBuckets];
    while (*link != nullptr && *link != &socket) link = &(*link)->next_in_bucket;
    DEMI_ASSERT(*link != nullptr, "a socket is not in its table");
    *link = socket.next_in_bucket;
    socket.next_in_bucket = nullptr;
    --size_;
  }
  // The first one at this port; next() has the others.
  T* first(uint16_t port) const { return at_port(buckets_[port % kBuckets], port); }
  T* next(const T& socket) const { return at_port(socket.next_in_bucket, socket.local().port); }
  size_t size() const { return size_; }

 private:
  // Neighbouring ports are in different buckets, and nobody but our own users chooses them.
  static constexpr size_t kBuckets = 1024;

  static T* at_port(T* socket, uint16_t port) {
    while (socket != nullptr && socket->local().port != port) socket = socket->next_in_bucket;
    return socket;
  }

  std::array<T*, kBuckets> buckets_{};
  size_t size_ = 0;
};

}  // namespace demi
