#include "device/segment_cutter.h"

#include "device/uncut_frame.h"

namespace demi {
namespace {

class SegmentCutterTest : public ::testing::Test {
 protected:
  ~SegmentCutterTest() override {
    into.clear();
    EXPECT_EQ(memory.buffers_outstanding(), 0u);
    EXPECT_EQ(memory.segments().live(), 0u);
  }
  // Cuts it, and looks at each.
  void expect_cut(size_t text_bytes, uint16_t segment_bytes, size_t head_bytes = UncutFrame::kHeaders) {
    SCOPED_TRACE(text_bytes);
    EXPECT_EQ(cut_segments(uncut.make(memory, text_bytes, segment_bytes, head_bytes), memory, false, into), 0u);
    size_t begin = 0;
    do {
      const size_t length = std::min<size_t>(segment_bytes, text_bytes - begin);
      ASSERT_FALSE(into.empty());
      const Frame frame = into.pop_front();
      EXPECT_EQ(frame.segment_bytes, 0);
      EXPECT_EQ(frame.checksum_start, 0);
      const Octets octets = octets_of(frame);
      uncut.expect_segment(octets, begin, length, text_bytes);
      EXPECT_TRUE(uncut.has_good_checksum(octets));
      begin += length;
    } while (begin < text_bytes);
    EXPECT_TRUE(into.empty());
  }

  UncutFrame uncut;
  Memory memory;
  RingQueue<Frame> into;
};

TEST_F(SegmentCutterTest, EachIsASegmentOfItsOwn) {
  for (const size_t text_bytes : {1'448, 1'449, 2'896, 5'000, 65'160, 65'438}) expect_cut(text_bytes, 1'448);
  expect_cut(100, 1'448);
  expect_cut(0, 1'448);
}

TEST_F(SegmentCutterTest, OddSegmentsHaveGoodChecksumsToo) { expect_cut(3'000, 777); }

TEST_F(SegmentCutterTest, TheEndComesWithTheLast) {
  uncut.flags = TcpFlags::kAck | TcpFlags::kPsh | TcpFlags::kFin;
  expect_cut(2'000, 1'000);
}

TEST_F(SegmentCutterTest, TheReducedWindowIsToldWithTheFirst) {
  uncut.flags = TcpFlags::kAck | TcpFlags::kCwr | TcpFlags::kEce;
  expect_cut(3'000, 1'000);
}

TEST_F(SegmentCutterTest, TextMayFollowTheHeadersInTheHead) {
  expect_cut(3'000, 1'000, SIZE_MAX);
  expect_cut(3'000, 1'000, UncutFrame::kHeaders + 1'500);
}

TEST_F(SegmentCutterTest, OnlyWhatMayBeFragmentedHasANumber) {
  for (const bool dont_fragment : {true, false}) {
    uncut.dont_fragment = dont_fragment;
    cut_segments(uncut.make(memory, 3'000, 1'000), memory, false, into);
    for (uint16_t i = 0; i < 3; ++i) {
      const Octets octets = octets_of(into.pop_front());
      EXPECT_EQ(Ipv4View::parse(Bytes(octets).subspan(14))->identification(), dont_fragment ? 0xfffe : static_cast<uint16_t>(0xfffe + i));
    }
  }
}

TEST_F(SegmentCutterTest, LeavesChecksumsToADeviceThatFinishesThem) {
  cut_segments(uncut.make(memory, 3'000, 1'400), memory, true, into);
  for (const size_t length : {1'400, 1'400, 200}) {
    Frame frame = into.pop_front();
    Octets octets = octets_of(frame);
    EXPECT_EQ(octets.size(), UncutFrame::kHeaders + length);
    EXPECT_FALSE(uncut.has_good_checksum(octets));
    // What the device does.
    Checksum sum;
    sum.add(Bytes(octets).subspan(frame.checksum_start));
    store_be16(octets.data() + frame.checksum_start + frame.checksum_offset, sum.value());
    EXPECT_TRUE(uncut.has_good_checksum(octets));
  }
}

TEST_F(SegmentCutterTest, TextIsSharedAndNotCopied) {
  Frame frame = uncut.make(memory, 2'000, 1'000);
  const uint8_t* at = frame.payload.front()->data();
  cut_segments(std::move(frame), memory, false, into);
  EXPECT_EQ(into.pop_front().payload.front()->data(), at);
  EXPECT_EQ(into.pop_front().payload.front()->data(), at + 1'000);
}

TEST_F(SegmentCutterTest, WithoutMemoryForTheirHeadersSegmentsAreLost) {
  Frame frame = uncut.make(memory, 5'000, 1'000);
  std::vector<BufferRef> rooms;
  for (const size_t bytes : {60'000, 10'000, 2'000, 200}) {
    while (BufferRef room = memory.allocate_room(bytes)) rooms.push_back(std::move(room));
  }
  rooms.resize(rooms.size() - 2);
  EXPECT_EQ(cut_segments(std::move(frame), memory, false, into), 3u);
  for (const size_t begin : {0, 1'000}) uncut.expect_segment(octets_of(into.pop_front()), begin, 1'000, 5'000);
}

}  // namespace
}  // namespace demi
