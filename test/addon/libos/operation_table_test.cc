#include "libos/operation_table.h"

#include "libos/loopback_fixture.h"

namespace demi {
namespace {

class OperationTableTest : public LoopbackFixture {
 protected:
  OperationTable table{*one, 3};
};

TEST_F(OperationTableTest, GivesSlotsUpToItsLimitAndBeyondWhereItMust) {
  Operation* first = table.open();
  table.open();
  table.open();
  EXPECT_TRUE(table.full());
  EXPECT_EQ(table.open(), nullptr);
  Operation* beyond = table.open(true);
  ASSERT_NE(beyond, nullptr);
  EXPECT_EQ(table.in_use(), 4u);
  EXPECT_EQ(table.pending(), 4u);
  table.finish(*beyond);
  table.release(*beyond);
  table.finish(*first);
  EXPECT_TRUE(table.full());  // what was not delivered still has its slot
  table.release(*first);
  EXPECT_FALSE(table.full());
}

TEST_F(OperationTableTest, HandsOutInTheOrderOfFinishing) {
  Operation* first = table.open();
  Operation* second = table.open();
  table.finish(*second);
  table.finish(*first);
  EXPECT_TRUE(table.has_done());
  EXPECT_EQ(table.take_done(), second);
  EXPECT_EQ(table.take_done(), first);
  EXPECT_EQ(table.take_done(), nullptr);
  EXPECT_EQ(table.in_use(), 2u);
}

TEST_F(OperationTableTest, SkipsWhatNobodyAskedFor) {
  Operation* first = table.open();
  Operation* second = table.open();
  first->nobody_asked = true;
  table.finish(*first);
  EXPECT_FALSE(table.has_done());
  EXPECT_EQ(table.in_use(), 1u);
  table.finish(*second);
  EXPECT_TRUE(table.has_done());
  EXPECT_EQ(table.take_done(), second);
  EXPECT_EQ(table.in_use(), 1u);
}

TEST_F(OperationTableTest, AnOldTokenFindsNothing) {
  Operation* first = table.open();
  const uint32_t slot = first->slot, generation = first->generation;
  EXPECT_EQ(table.find(slot, generation), first);
  EXPECT_EQ(table.find(slot, generation + 1), nullptr);
  table.finish(*first);
  EXPECT_EQ(table.find(slot, generation), first);
  table.release(*first);
  EXPECT_EQ(table.find(slot, generation), nullptr);
  EXPECT_EQ(table.at(slot), nullptr);
  EXPECT_EQ(table.at(100000), nullptr);
  Operation* again = table.open();
  EXPECT_EQ(again, first);
  EXPECT_EQ(table.find(slot, generation), nullptr);
  EXPECT_EQ(table.find(slot, generation + 1), again);
}

TEST_F(OperationTableTest, AReleasedSlotKeepsNothingOfItsResult) {
  Operation* first = table.open();
  table.extras_of(*first).memory_wanted_bytes = 7;
  table.completion_of(*first).error = Errno::kEPIPE;
  table.completion_of(*first).new_queue = QDesc(0, 1, 2);
  table.completion_of(*first).sga = std::move(request("abc").data);
  table.finish(*first);
  EXPECT_EQ(first->extras, nullptr);
  EXPECT_EQ(first->completion->error, Errno::kEPIPE);
  table.release(*first);
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
  EXPECT_EQ(first->completion, nullptr);

  Operation* second = table.open();
  EXPECT_EQ(table.completion_of(*second).error, Errno::kOk);
  EXPECT_FALSE(table.completion_of(*second).new_queue.valid());
  EXPECT_EQ(table.extras_of(*second).memory_wanted_bytes, 1u);
}

TEST_F(OperationTableTest, WhatJustWaitsHasNothingThatAResultNeeds) {
  Operation* first = table.open();
  EXPECT_EQ(first->completion, nullptr);
  EXPECT_EQ(first->extras, nullptr);
  Completion& completion = table.completion_of(*first);
  EXPECT_EQ(&table.completion_of(*first), &completion);
  completion.sga = std::move(request("abc").data);
  table.drop_completion(*first);
  EXPECT_EQ(first->completion, nullptr);
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
}

TEST_F(OperationTableTest, WhatAPushStillHeldGoesBackWhenItEnds) {
  Operation* first = table.open();
  table.give_request(*first, request("not sent"));
  EXPECT_EQ(memory->buffers_outstanding(), 1u);
  table.finish(*first);
  EXPECT_EQ(memory->buffers_outstanding(), 0u);
  EXPECT_EQ(first->push, nullptr);
}

TEST_F(OperationTableTest, OnlyPendingPushesHaveARequestAndTheNextOneTakesItOver) {
  Operation* pop = table.open();
  EXPECT_EQ(pop->push, nullptr);
  Operation* first = table.open();
  PushRequest sent = request("partly sent");
  sent.accepted_bytes = 3;
  sent.memory_wanted_bytes = 4096;
  table.give_request(*first, std::move(sent));
  const PushRequest* place = first->push.get();
  table.finish(*first);
  table.release(*first);

  Operation* second = table.open();
  EXPECT_EQ(second->push, nullptr);
  table.give_request(*second, request("the next"));
  EXPECT_EQ(second->push.get(), place);
  EXPECT_EQ(second->push->accepted_bytes, 0u);
  EXPECT_EQ(second->push->memory_wanted_bytes, 1u);
  EXPECT_EQ(second->push->total_bytes, 8u);
  Operation* third = table.open();
  table.give_request(*third, request("beside it"));
  EXPECT_NE(third->push.get(), place);
  table.finish(*second);
  table.finish(*third);
}

TEST_F(OperationTableTest, SlotsNeverMove) {
  OperationTable large(*one, 1000);
  std::vector<Operation*> opened;
  for (uint32_t i = 0; i < 200; ++i) opened.push_back(large.open());
  for (uint32_t i = 0; i < 200; ++i) EXPECT_EQ(large.at(opened[i]->slot), opened[i]);
  EXPECT_EQ(large.slots(), 256u);
}

}  // namespace
}  // namespace demi
