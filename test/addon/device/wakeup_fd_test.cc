#include "device/wakeup_fd.h"

#ifdef __linux__

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

namespace demi {
namespace {

short events_of(int fd) {
  pollfd look{fd, POLLIN, 0};
  ::poll(&look, 1, 0);
  return look.revents;
}

class WakeupFdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    watched = FileDescriptor(ends[0]);
    other = FileDescriptor(ends[1]);
    auto made = WakeupFd::over(watched.get());
    ASSERT_TRUE(made.ok());
    wakeup = std::move(*made);
  }
  FileDescriptor watched, other;
  WakeupFd wakeup;
};

TEST_F(WakeupFdTest, IsReadableAsLongAsSomethingIsThere) {
  EXPECT_EQ(events_of(wakeup.get()), 0);
  ASSERT_EQ(::write(other.get(), "ab", 2), 2);
  EXPECT_EQ(events_of(wakeup.get()), POLLIN);
  char byte;
  ASSERT_EQ(::read(watched.get(), &byte, 1), 1);
  EXPECT_EQ(events_of(wakeup.get()), POLLIN);
  ASSERT_EQ(::read(watched.get(), &byte, 1), 1);
  EXPECT_EQ(events_of(wakeup.get()), 0);
}

TEST_F(WakeupFdTest, AnErrorMakesItReadableAndNoMore) {
  // The other end goes with bytes that it has not read, and that is an error here.
  ASSERT_EQ(::write(watched.get(), "a", 1), 1);
  other = FileDescriptor();
  EXPECT_NE(events_of(watched.get()) & POLLERR, 0);
  EXPECT_EQ(events_of(wakeup.get()), POLLIN);
  wakeup.silence();
  EXPECT_EQ(events_of(wakeup.get()), 0);
}

TEST(WakeupFd, NeedsADescriptorThatCanBeWatched) { EXPECT_EQ(WakeupFd::over(-1).error(), Errno::kEMFILE); }

}  // namespace
}  // namespace demi

#endif  // __linux__
