#include "base/errno.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

namespace demi {
namespace {

TEST(Errno, NamesAreThoseOfPosix) {
  EXPECT_STREQ(errno_name(Errno::kEBADF), "EBADF");
  EXPECT_STREQ(errno_name(Errno::kECONNREFUSED), "ECONNREFUSED");
  EXPECT_STREQ(errno_name(Errno::kECANCELED), "ECANCELED");
}

TEST(Errno, EveryEntryHasItsName) {
#define DEMI_EXPECT_NAME(name, number)                              \
  if (std::strcmp(#name, "EOPNOTSUPP") != 0) {                      \
    EXPECT_STREQ(errno_name(static_cast<Errno>(number)), #name);    \
  }
  DEMI_ERRNO_LIST(DEMI_EXPECT_NAME)
#undef DEMI_EXPECT_NAME
}

TEST(Errno, TheNumberOfEnotsupIsReportedAsEnotsup) { EXPECT_STREQ(errno_name(Errno::kEOPNOTSUPP), "ENOTSUP"); }

TEST(Errno, SuccessAndStrangersHaveNamesToo) {
  EXPECT_STREQ(errno_name(Errno::kOk), "OK");
  EXPECT_STREQ(errno_name(static_cast<Errno>(9999)), "EUNKNOWN");
  EXPECT_STREQ(errno_name(static_cast<Errno>(-1)), "EUNKNOWN");
}

#ifdef __linux__
TEST(Errno, NumbersAreThoseOfLinux) {
#define DEMI_EXPECT_NUMBER(name, number) EXPECT_EQ(name, number) << #name;
  DEMI_ERRNO_LIST(DEMI_EXPECT_NUMBER)
#undef DEMI_EXPECT_NUMBER
}
#endif

}  // namespace
}  // namespace demi
