#include "inet/socket_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace demi {
namespace {

int object;

TEST(SocketTableTest, AHandleIsOfOneSocketOnly) {
  SocketTable table;
  const SocketHandle first = table.add(SocketKind::kUdp, &object);
  EXPECT_TRUE(first);
  EXPECT_EQ(table.get(first, SocketKind::kUdp), &object);
  EXPECT_EQ(table.get(first, SocketKind::kTcpListener), nullptr);
  table.remove(first);
  const SocketHandle second = table.add(SocketKind::kTcpListener, &object);
  // The same place, and not the same handle.
  EXPECT_EQ(second.index, first.index);
  EXPECT_EQ(table.kind(first), SocketKind::kNone);
  EXPECT_EQ(table.get(first, SocketKind::kTcpListener), nullptr);
  EXPECT_EQ(table.kind(second), SocketKind::kTcpListener);
  EXPECT_EQ(table.live(), 1u);
}

TEST(SocketTableTest, NoHandleIsOfNoSocket) {
  SocketTable table;
  EXPECT_FALSE(SocketHandle());
  EXPECT_EQ(table.kind(SocketHandle()), SocketKind::kNone);
  table.add(SocketKind::kUdp, &object);
  EXPECT_EQ(table.kind(SocketHandle()), SocketKind::kNone);
  table.raise(SocketHandle(), SocketEventKind::kReadable);
  table.raise({7, 1}, SocketEventKind::kReadable);
  SocketEvent event;
  EXPECT_FALSE(table.poll_event(event));
}

TEST(SocketTableTest, AnEventIsToldOnce) {
  SocketTable table;
  const SocketHandle a = table.add(SocketKind::kUdp, &object), b = table.add(SocketKind::kUdp, &object);
  table.raise(b, SocketEventKind::kReadable);
  table.raise(a, SocketEventKind::kWritable);
  table.raise(b, SocketEventKind::kReadable);
  table.raise(b, SocketEventKind::kConnected);
  std::vector<SocketEvent> events;
  for (SocketEvent event; table.poll_event(event);) events.push_back(event);
  EXPECT_EQ(events, (std::vector<SocketEvent>{
                        {b, SocketEventKind::kConnected}, {b, SocketEventKind::kReadable}, {a, SocketEventKind::kWritable}}));
  table.raise(b, SocketEventKind::kReadable);
  SocketEvent event;
  ASSERT_TRUE(table.poll_event(event));
  EXPECT_EQ(event, (SocketEvent{b, SocketEventKind::kReadable}));
}

TEST(SocketTableTest, EventsOfASocketThatIsGoneAreForNobody) {
  SocketTable table;
  const SocketHandle gone = table.add(SocketKind::kUdp, &object);
  table.raise(gone, SocketEventKind::kReadable);
  table.remove(gone);
  const SocketHandle next = table.add(SocketKind::kUdp, &object);
  table.raise(gone, SocketEventKind::kReadable);
  SocketEvent event;
  EXPECT_FALSE(table.poll_event(event));
  table.raise(next, SocketEventKind::kWritable);
  ASSERT_TRUE(table.poll_event(event));
  EXPECT_EQ(event, (SocketEvent{next, SocketEventKind::kWritable}));
}

TEST(SocketTableTest, VisitsOneKind) {
  SocketTable table;
  table.add(SocketKind::kUdp, &object);
  table.add(SocketKind::kTcpListener, &object);
  table.remove(table.add(SocketKind::kUdp, &object));
  int visited = 0;
  table.for_each(SocketKind::kUdp, [&](void*) { ++visited; });
  EXPECT_EQ(visited, 1);
}

}  // namespace
}  // namespace demi
