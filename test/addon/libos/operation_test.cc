#include "libos/operation.h"

#include "libos/loopback_fixture.h"

namespace demi {
namespace {

using OperationTest = LoopbackFixture;

TEST_F(OperationTest, IsFreeAndInNoListAtFirst) {
  const Operation operation(*one, 3);
  EXPECT_EQ(operation.state, Operation::State::kFree);
  EXPECT_EQ(operation.slot, 3u);
  EXPECT_EQ(operation.generation, 1u);
  EXPECT_FALSE(operation.hook.linked());
  EXPECT_FALSE(operation.task);
  EXPECT_EQ(operation.completion, nullptr);
  EXPECT_EQ(operation.extras, nullptr);
}

TEST_F(OperationTest, TheNumbersAreThoseOfThePublicInterface) {
  EXPECT_EQ(static_cast<int>(OpCode::kPush), 1);
  EXPECT_EQ(static_cast<int>(OpCode::kShutdown), 6);
  EXPECT_EQ(static_cast<int>(ShutdownHow::kReadWrite), 2);
}

}  // namespace
}  // namespace demi
