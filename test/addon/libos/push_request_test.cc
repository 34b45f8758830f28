#include "libos/push_request.h"

#include "libos/loopback_fixture.h"

namespace demi {
namespace {

class PushRequestTest : public LoopbackFixture {
 protected:
  PushRequestTest() : LoopbackFixture(64 * 1024) {}
  PushRequest from(TestSource& source, uint64_t total) {
    PushRequest made;
    made.source = &source;
    made.total_bytes = total;
    return made;
  }
};

TEST_F(PushRequestTest, HandsOverPiecesOfAnArray) {
  PushRequest pushed = request("abcdef");
  SgArray out = memory->make_array();
  EXPECT_EQ(pushed.accept_into(out, 4, *memory), Errno::kOk);
  EXPECT_EQ(text_of(out), "abcd");
  EXPECT_EQ(pushed.remaining_bytes(), 2u);
  EXPECT_EQ(pushed.accept_into(out, 100, *memory), Errno::kOk);
  EXPECT_EQ(text_of(out), "abcdef");
  EXPECT_EQ(pushed.remaining_bytes(), 0u);
}

TEST_F(PushRequestTest, CopiesPiecesOfASource) {
  const auto data = bytes(1000);
  TestSource source(data);
  PushRequest pushed = from(source, 1000);
  SgArray out = memory->make_array();
  EXPECT_EQ(pushed.accept_into(out, 400, *memory), Errno::kOk);
  EXPECT_EQ(pushed.accept_into(out, 5000, *memory), Errno::kOk);
  EXPECT_EQ(text_of(out), std::string(data->begin(), data->end()));
  EXPECT_EQ(pushed.remaining_bytes(), 0u);
}

TEST_F(PushRequestTest, ADetachedSourceIsAFault) {
  const auto data = bytes(1000);
  TestSource source(data);
  PushRequest pushed = from(source, 1000);
  SgArray out = memory->make_array();
  EXPECT_EQ(pushed.accept_into(out, 400, *memory), Errno::kOk);
  data->clear();
  EXPECT_EQ(pushed.accept_into(out, 400, *memory), Errno::kEFAULT);
  EXPECT_EQ(pushed.accepted_bytes, 400u);
  PushRequest message = from(source, 1000);
  EXPECT_EQ(message.gather(*memory), Errno::kEFAULT);
}

TEST_F(PushRequestTest, GatherTakesAllOrNothing) {
  const auto data = bytes(40000);
  TestSource source(data);
  PushRequest first = from(source, 40000);
  ASSERT_EQ(first.gather(*memory), Errno::kOk);
  const size_t outstanding = memory->buffers_outstanding();
  PushRequest second = from(source, 40000);
  EXPECT_EQ(second.gather(*memory), Errno::kENOMEM);
  EXPECT_TRUE(second.data.empty());
  EXPECT_EQ(memory->buffers_outstanding(), outstanding);
  EXPECT_EQ(second.memory_wanted_bytes, 40000u);
  EXPECT_EQ(second.accepted_bytes, 0u);
  first.data.clear();
  EXPECT_EQ(second.gather(*memory), Errno::kOk);
  EXPECT_EQ(text_of(second.data), std::string(data->begin(), data->end()));
}

TEST_F(PushRequestTest, NoMemoryForASingleByteIsSaid) {
  SgArray all = memory->make_array();
  const auto data = bytes(100000);
  memory->copy_in(*data, all);
  TestSource source(data);
  PushRequest pushed = from(source, 10);
  SgArray out = memory->make_array();
  EXPECT_EQ(pushed.accept_into(out, 10, *memory), Errno::kENOMEM);
  EXPECT_EQ(pushed.accepted_bytes, 0u);
}

TEST_F(PushRequestTest, ShowsWhereTheRemainingBytesLieAndGivesTheAcceptedOnesBack) {
  PushRequest pushed = request("abcdef");
  PushRequest more = request("ghi");
  pushed.data.append(std::move(more.data));
  pushed.total_bytes = 9;
  std::array<std::span<const uint8_t>, 4> pieces;
  size_t count = 0;
  ASSERT_EQ(pushed.remaining_pieces(pieces, count), Errno::kOk);
  ASSERT_EQ(count, 2u);
  EXPECT_EQ(std::string(pieces[1].begin(), pieces[1].end()), "ghi");
  pushed.accept(7);
  EXPECT_EQ(pushed.remaining_bytes(), 2u);
  EXPECT_EQ(memory->buffers_outstanding(), 1u);
  ASSERT_EQ(pushed.remaining_pieces(pieces, count), Errno::kOk);
  ASSERT_EQ(count, 1u);
  EXPECT_EQ(std::string(pieces[0].begin(), pieces[0].end()), "hi");
}

TEST_F(PushRequestTest, ShowsAsManyPiecesAsThereIsPlaceFor) {
  PushRequest pushed = request("ab");
  for (const char* text : {"cd", "ef"}) pushed.data.append(std::move(request(text).data));
  pushed.total_bytes = 6;
  std::array<std::span<const uint8_t>, 2> pieces;
  size_t count = 0;
  ASSERT_EQ(pushed.remaining_pieces(pieces, count), Errno::kOk);
  EXPECT_EQ(count, 2u);
}

TEST_F(PushRequestTest, ShowsTheRestOfTheCallersBytesOnlyWhileTheyAreThere) {
  const auto data = bytes(100);
  TestSource source(data);
  PushRequest pushed = from(source, 100);
  pushed.accept(40);
  std::array<std::span<const uint8_t>, 4> pieces;
  size_t count = 0;
  ASSERT_EQ(pushed.remaining_pieces(pieces, count), Errno::kOk);
  ASSERT_EQ(count, 1u);
  EXPECT_EQ(pieces[0].data(), data->data() + 40);
  EXPECT_EQ(pieces[0].size(), 60u);
  data->clear();
  EXPECT_EQ(pushed.remaining_pieces(pieces, count), Errno::kEFAULT);
}

}  // namespace
}  // namespace demi
