#include "inet/port_table.h"

#include <gtest/gtest.h>

#include "inet/inet_endpoint.h"

namespace demi {
namespace {

struct Bound {
  InetEndpoint endpoint;
  Bound* next_in_bucket = nullptr;
  const InetEndpoint& local() const { return endpoint; }
};

Bound bound(uint16_t port) { return {{IpAddress::ipv4(10, 0, 0, 1), port}}; }

TEST(PortTableTest, FindsAllOfOnePortAndNoOthers) {
  PortTable<Bound> table;
  // 80 and 80 + 1024 share a bucket.
  Bound a = bound(80), b = bound(80 + 1024), c = bound(80), d = bound(81);
  for (Bound* each : {&a, &b, &c, &d}) table.insert(*each);
  EXPECT_EQ(table.size(), 4u);
  Bound* first = table.first(80);
  Bound* second = table.next(*first);
  EXPECT_TRUE((first == &a && second == &c) || (first == &c && second == &a));
  EXPECT_EQ(table.next(*second), nullptr);
  EXPECT_EQ(table.first(80 + 1024), &b);
  EXPECT_EQ(table.next(b), nullptr);
  EXPECT_EQ(table.first(82), nullptr);
}

TEST(PortTableTest, WhatWasRemovedIsNotFound) {
  PortTable<Bound> table;
  Bound a = bound(80), b = bound(80 + 1024), c = bound(80);
  for (Bound* each : {&a, &b, &c}) table.insert(*each);
  table.remove(b);
  table.remove(a);
  EXPECT_EQ(table.first(80), &c);
  EXPECT_EQ(table.next(c), nullptr);
  EXPECT_EQ(table.first(80 + 1024), nullptr);
  EXPECT_EQ(table.size(), 1u);
}

}  // namespace
}  // namespace demi
