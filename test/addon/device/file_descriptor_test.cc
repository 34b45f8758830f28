#include "device/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace demi {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

TEST(FileDescriptor, IsClosedWithItsLastOwner) {
  int number = -1;
  {
    FileDescriptor first(::open("/dev/null", O_RDONLY));
    number = first.get();
    ASSERT_TRUE(first);
    FileDescriptor second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_TRUE(is_open(number));
    FileDescriptor third;
    third = std::move(second);
    EXPECT_EQ(third.get(), number);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(FileDescriptor, OfACallThatFailedIsNone) { EXPECT_FALSE(FileDescriptor(::open("/there/is/none", O_RDONLY))); }

}  // namespace
}  // namespace demi
