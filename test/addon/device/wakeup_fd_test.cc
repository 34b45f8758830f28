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

// Under traffic nobody sleeps on it.
TEST_F(WakeupFdTest, RestsWhileFramesComeUntilSomebodyIsAboutToSleep) {
  ASSERT_EQ(::write(other.get(), "a", 1), 1);
  wakeup.note_frames(32);
  wakeup.note_frames(31);
  EXPECT_EQ(events_of(wakeup.get()), POLLIN);
  wakeup.note_frames(1);
  EXPECT_EQ(events_of(wakeup.get()), 0);
  wakeup.note_frames(1000);
  wakeup.listen();
  EXPECT_EQ(events_of(wakeup.get()), POLLIN) << "what came while it rested is there";
  wakeup.note_frames(63);
  EXPECT_EQ(events_of(wakeup.get()), POLLIN) << "who sleeps often has it listen all the time";
  wakeup.listen();
  wakeup.note_frames(63);
  EXPECT_EQ(events_of(wakeup.get()), POLLIN);
}

TEST_F(WakeupFdTest, SilenceLasts) {
  ASSERT_EQ(::write(other.get(), "a", 1), 1);
  wakeup.silence();
  wakeup.listen();
  EXPECT_EQ(events_of(wakeup.get()), 0);
  WakeupFd resting = std::move(*WakeupFd::over(watched.get()));
  resting.note_frames(64);
  resting.silence();
  resting.listen();
  EXPECT_EQ(events_of(resting.get()), 0);
}

TEST(WakeupFd, NeedsADescriptorThatCanBeWatched) { EXPECT_EQ(WakeupFd::over(-1).error(), Errno::kEMFILE); }

}  // namespace
}  // namespace demi

#endif  // __linux__
