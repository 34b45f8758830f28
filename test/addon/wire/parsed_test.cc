#include "wire/parsed.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace demi {
namespace {

TEST(Parsed, HoldsAValue) {
  const Parsed<int> parsed = 7;
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed);
  EXPECT_EQ(*parsed, 7);
  EXPECT_EQ(parsed.error(), ParseError::kNone);
}

TEST(Parsed, OrTheReason) {
  const Parsed<int> parsed = ParseError::kTruncated;
  EXPECT_FALSE(parsed.ok());
  EXPECT_FALSE(parsed);
  EXPECT_EQ(parsed.error(), ParseError::kTruncated);
}

TEST(Parsed, EveryReasonHasANameOfItsOwn) {
  std::set<std::string> names;
  for (size_t i = 0; i < kParseErrorCount; ++i) names.insert(parse_error_name(static_cast<ParseError>(i)));
  EXPECT_EQ(names.size(), kParseErrorCount);
  EXPECT_STREQ(parse_error_name(ParseError::kUnsupported), "unsupported");
  EXPECT_EQ(static_cast<size_t>(ParseError::kUnsupported), kParseErrorCount - 1);
}

TEST(ParsedDeathTest, AFailureHasNoValueAndNeedsAReason) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Parsed<int> failed = ParseError::kTruncated;
  EXPECT_DEATH((void)*failed, "the value of a failed Parsed");
  EXPECT_DEATH((void)Parsed<int>(ParseError::kNone).ok(), "needs a reason");
}

}  // namespace
}  // namespace demi
