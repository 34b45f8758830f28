#include "device/gather.h"

#include <gtest/gtest.h>

#include "device/device_frames.h"

namespace demi {
namespace {

TEST(Gather, ListsTheHeadAndThePayloadWhereTheyLie) {
  Memory memory;
  const Octets octets = ethernet(station(2), station(1), 7, 300);
  Frame frame = make_frame(memory, octets, 54);
  SgArray front = frame.payload.split_front(100);
  front.append(std::move(frame.payload));
  frame.payload = std::move(front);
  iovec pieces[3];
  ASSERT_EQ(gather(frame, pieces), 3u);
  EXPECT_EQ(pieces[0].iov_base, frame.head_bytes().data());
  EXPECT_EQ(pieces[1].iov_base, frame.payload.front()->data());
  Octets gathered;
  for (const iovec& piece : pieces) {
    const auto* bytes = static_cast<const uint8_t*>(piece.iov_base);
    gathered.insert(gathered.end(), bytes, bytes + piece.iov_len);
  }
  EXPECT_EQ(gathered, octets);
  EXPECT_EQ(gather(frame, std::span(pieces).first(2)), 0u);
}

TEST(Gather, AFrameWithoutPayloadIsOnePiece) {
  Memory memory;
  const Frame frame = make_frame(memory, ethernet(station(2), station(1), 7));
  iovec piece;
  EXPECT_EQ(gather(frame, {&piece, 1}), 1u);
  EXPECT_EQ(piece.iov_len, 64u);
}

}  // namespace
}  // namespace demi
