#include "device/packet_ring.h"

#ifdef __linux__

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace demi {

// In front of a frame in its slot: two headers of the kernel's, the virtio header, and up to two times 16 bytes to align them.
constexpr size_t kInFront = TPACKET2_HDRLEN + sizeof(VirtioNetHeader) + 2 * TPACKET_ALIGNMENT;

Result<PacketRing> PacketRing::map(int packet_socket, size_t frame_bytes, uint32_t slots) {
  const int version = TPACKET_V2;
  const int on = 1;
  if (::setsockopt(packet_socket, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0) return static_cast<Errno>(errno);
  if (::setsockopt(packet_socket, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0) return static_cast<Errno>(errno);
  PacketRing ring;
  ring.slot_bytes_ = std::min(std::bit_ceil(frame_bytes + kInFront), kPacketSlotBytesMax);
  ring.slots_ = slots;
  tpacket_req request{};
  request.tp_frame_size = static_cast<unsigned>(ring.slot_bytes_);
  request.tp_frame_nr = slots;
  request.tp_block_size = static_cast<unsigned>(std::max(ring.slot_bytes_, kPacketBlockBytes));
  request.tp_block_nr = static_cast<unsigned>(slots * ring.slot_bytes_ / request.tp_block_size);
  DEMI_ASSERT(request.tp_block_nr * size_t{request.tp_block_size} == slots * ring.slot_bytes_, "a ring is made of whole blocks");
  if (::setsockopt(packet_socket, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0) return static_cast<Errno>(errno);
  void* memory = ::mmap(nullptr, slots * ring.slot_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, packet_socket, 0);
  if (memory == MAP_FAILED) return static_cast<Errno>(errno);
  ring.memory_ = static_cast<uint8_t*>(memory);
  return ring;
}

PacketRing::PacketRing(PacketRing&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), slot_bytes_(other.slot_bytes_), slots_(other.slots_), next_(other.next_) {}

PacketRing::~PacketRing() {
  if (memory_ != nullptr) ::munmap(memory_, slots_ * slot_bytes_);
}

// The status says whose the slot is: everything else is written before it, and read behind it.
bool PacketRing::has_frame() const {
  const auto* kernels = reinterpret_cast<const tpacket2_hdr*>(at_front());
  return (__atomic_load_n(&kernels->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

PacketRing::Slot PacketRing::front() const {
  const uint8_t* begin = at_front();
  // Another processor has just written it: what a short frame takes comes over at once, and not line by line.
  for (size_t line = 1; line < 4; ++line) __builtin_prefetch(begin + line * 64);
  tpacket2_hdr kernels;
  std::memcpy(&kernels, begin, sizeof kernels);
  Slot slot;
  slot.bytes = Bytes(begin + kernels.tp_mac, std::min<size_t>(kernels.tp_snaplen, slot_bytes_ - kernels.tp_mac));
  slot.frame_bytes = kernels.tp_len;
  std::memcpy(&slot.header, begin + kernels.tp_mac - sizeof slot.header, sizeof slot.header);
  if ((kernels.tp_status & TP_STATUS_VLAN_VALID) != 0) {
    const uint32_t type = (kernels.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? kernels.tp_vlan_tpid : ETH_P_8021Q;
    slot.vlan_tag = type << 16 | kernels.tp_vlan_tci;
  }
  slot.waits_at_socket = (kernels.tp_status & TP_STATUS_COPY) != 0;
  sockaddr_ll from;
  std::memcpy(&from, begin + TPACKET_ALIGN(sizeof kernels), sizeof from);
  slot.is_outgoing = from.sll_pkttype == PACKET_OUTGOING;
  return slot;
}

void PacketRing::release() {
  auto* kernels = reinterpret_cast<tpacket2_hdr*>(at_front());
  __atomic_store_n(&kernels->tp_status, uint32_t{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
  if (++next_ == slots_) next_ = 0;
}

}  // namespace demi

#endif  // __linux__
