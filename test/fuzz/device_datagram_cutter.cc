// A series of UDP datagrams in one frame, as Linux hands it over: the bytes are the virtio header, whether a VLAN tag was put in, and the frame.
// Whatever stands there, what was cut has all the payload, in order, and nothing else.
#include <cstring>

#include "base/assert.h"
#include "device/datagram_cutter.h"
#include "memory/memory.h"
#include "wire/ethernet.h"
#include "wire/udp.h"

namespace demi {
namespace {

Frame frame_of(Memory& memory, Bytes octets) {
  BufferRef room = memory.allocate_room(octets.size());
  const uint32_t first = room->headroom;
  Frame frame(std::move(room), first, static_cast<uint32_t>(octets.size()));
  std::copy(octets.begin(), octets.end(), frame.writable_head().begin());
  return frame;
}

void exercise(Bytes input) {
  static Memory memory;
  VirtioNetHeader header;
  if (input.size() < sizeof header + 2) return;
  std::memcpy(&header, input.data(), sizeof header);
  (void)header.verdict();
  const bool has_tag = (input[sizeof header] & 1) != 0;
  const Bytes series = input.subspan(sizeof header + 1);
  if (header.is_one_packet()) return;
  {
    DatagramCutter cutter;
    if (cutter.begin(frame_of(memory, series), header, has_tag)) {
      const size_t headers = header.checksum_start + (has_tag ? EthernetView::kTagBytes : 0) + UdpHeader::kBytes;
      Bytes left = series.subspan(headers);
      while (!cutter.empty()) {
        const Frame datagram = cutter.next(memory);
        DEMI_ASSERT(!datagram.empty() && datagram.verdict == ChecksumVerdict::kGood, "a datagram was lost");
        const Bytes cut = datagram.head_bytes();
        DEMI_ASSERT(cut.size() > headers && cut.size() <= headers + header.segment_bytes, "a datagram of another length");
        const Bytes payload = cut.subspan(headers);
        DEMI_ASSERT(payload.size() <= left.size() && std::equal(payload.begin(), payload.end(), left.begin()), "a datagram with other payload");
        DEMI_ASSERT(payload.size() == header.segment_bytes || payload.size() == left.size(), "a short datagram before the last");
        left = left.subspan(payload.size());
      }
      DEMI_ASSERT(left.empty(), "payload was left out");
    }
  }
  DEMI_ASSERT(memory.buffers_outstanding() == 0, "memory is missing");
}

}  // namespace
}  // namespace demi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  demi::exercise(demi::Bytes(data, size));
  return 0;
}
