#include "libos/queue_table.h"

#include <set>

#include "libos/loopback_fixture.h"

namespace demi {
namespace {

class QueueTableTest : public LoopbackFixture {
 protected:
  std::unique_ptr<Queue> queue() {
    return std::make_unique<MemoryQueue>(*one, std::make_shared<MemoryQueueCore>(1));
  }
};

TEST_F(QueueTableTest, PublishesWhatIsOpen) {
  std::vector<double> published(2);
  QueueTable table(5, published);
  const QDesc qd = table.add(queue());
  EXPECT_EQ(qd, QDesc(5, 1, 0));
  EXPECT_EQ(published[0], static_cast<double>(qd.bits()));
  EXPECT_EQ(table.find(qd), table.at(0));
  EXPECT_EQ(table.find(qd)->descriptor, qd);
  const std::unique_ptr<Queue> removed = table.remove(qd);
  EXPECT_FALSE(removed->descriptor.valid());
  EXPECT_EQ(published[0], 0);
  EXPECT_EQ(table.find(qd), nullptr);
  EXPECT_EQ(table.at(0), nullptr);
  EXPECT_EQ(table.at(77), nullptr);
}

TEST_F(QueueTableTest, IsFullAtItsLimit) {
  std::vector<double> published(2);
  QueueTable table(0, published);
  const QDesc first = table.add(queue());
  table.add(queue());
  EXPECT_TRUE(table.full());
  EXPECT_EQ(table.size(), 2u);
  table.remove(first);
  EXPECT_FALSE(table.full());
  EXPECT_NE(table.add(queue()), first);
  EXPECT_TRUE(table.full());
}

TEST_F(QueueTableTest, ForeignDescriptorsAreNotFound) {
  std::vector<double> published(1);
  QueueTable table(0, published);
  table.add(queue());
  EXPECT_EQ(table.find(QDesc(1, 1, 0)), nullptr);
  EXPECT_EQ(table.find(QDesc(0, 2, 0)), nullptr);
  EXPECT_EQ(table.find(QDesc()), nullptr);
}

TEST_F(QueueTableTest, OneAtATimeKeepsToFewSlots) {
  std::vector<double> published(1000);
  QueueTable table(0, published);
  std::set<QDesc> seen;
  for (int i = 0; i < 500; ++i) {
    const QDesc qd = table.add(queue());
    EXPECT_TRUE(seen.insert(qd).second);
    table.remove(qd);
  }
  EXPECT_LE(table.slots(), 17u);
}

TEST_F(QueueTableTest, ASlotWithoutGenerationsIsRetired) {
  std::vector<double> published(1);
  QueueTable table(0, published);
  std::unique_ptr<Queue> only = queue();
  QDesc last;
  for (uint32_t i = 0; i < (1u << QDesc::kGenerationBits) - 1; ++i) {
    ASSERT_FALSE(table.full()) << i;
    const QDesc qd = table.add(std::move(only));
    ASSERT_GT(qd, last);
    last = qd;
    only = table.remove(qd);
  }
  EXPECT_TRUE(table.full());
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.find(last), nullptr);
}

}  // namespace
}  // namespace demi
