#include "device/dpdk/queue.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_mempool.h>
#include <rte_ring_elem.h>

#include "device/dpdk/eal_memory.h"
#include "device/dpdk/port.h"
#include "device/dpdk/steering.h"

namespace demi::dpdk {

// What the mbuf of an attached piece knows of it: behind the mbuf.
struct PieceNote {
  rte_mbuf_ext_shared_info shared;
  Queue* queue;
  void* owner;
  uint64_t life;

  static void free(void*, void* opaque) {
    auto* note = static_cast<PieceNote*>(opaque);
    note->queue->piece_is_free(note->owner, note->life);
  }
};

namespace {

// What stands in the ring of pieces that come back.
struct ReturnedPiece {
  void* owner;
  uint64_t life;
};

// Buffers of a queue: what one burst in each descriptor of the device takes, and some more.
constexpr uint32_t kHeads = 8191;
constexpr uint32_t kPieces = 16383;
constexpr uint32_t kCacheBuffers = 256;
// Behind the headroom: headers of 128 bytes, and what is copied.
constexpr uint32_t kHeadBytes = 128 + DEMI_DPDK_COPIED_BYTES;
constexpr uint32_t kRoomAlignment = 64;
constexpr size_t kPageBytes = 4096;
// What one queue hands to another before that looks for it.
constexpr uint32_t kInboxFrames = 1024;
constexpr int64_t kWaitForPiecesNs = 100'000'000;

static_assert(DEMI_DPDK_NOTE_BYTES % RTE_MBUF_PRIV_ALIGN == 0 && sizeof(PieceNote) % RTE_MBUF_PRIV_ALIGN == 0);

// Names are of the process: a pool that has become too small is followed by another.
uint32_t pools_made = 0;

std::string pool_name(const char* kind) { return std::string("demi-") + kind + "-" + std::to_string(pools_made++); }

int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

uint32_t verdict_of(uint64_t flags) {
  const uint64_t checksum = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  if (checksum == RTE_MBUF_F_RX_L4_CKSUM_BAD) return DEMI_DPDK_BAD;
  // NONE: not finished by the sender, and whole (RTE_MBUF_F_RX_L4_CKSUM_NONE).
  return checksum == RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN ? DEMI_DPDK_UNKNOWN : DEMI_DPDK_GOOD;
}

rte_mbuf* mbuf_of_note(void* note) { return reinterpret_cast<rte_mbuf*>(static_cast<uint8_t*>(note) - sizeof(rte_mbuf)); }

}  // namespace

// --- pools ---

int Queue::make_pools(uint32_t rooms, uint32_t frame_bytes, size_t window_bytes_max, int socket, bool takes_chains) {
  const uint32_t room_bytes = (RTE_PKTMBUF_HEADROOM + frame_bytes + kRoomAlignment - 1) / kRoomAlignment * kRoomAlignment;
  // All of them: the memory may have lasted for the rooms alone.
  const bool has_all = rooms_ != nullptr && heads_ != nullptr && pieces_ != nullptr && returned_ != nullptr;
  if (has_all && room_count_ >= rooms && room_bytes_ >= room_bytes && takes_chains_ == takes_chains) return 0;
  const size_t per_window = std::max<size_t>(1, window_bytes_max / room_bytes);
  const size_t window_bytes = (per_window * room_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (window_bytes > window_bytes_max) return -EINVAL;
  std::vector<rte_pktmbuf_extmem> memory;
  std::vector<Window> windows;
  const auto give_back = [&windows] {
    for (const Window& window : windows) give_memory(window.data, window.bytes);
  };
  for (size_t have = 0; have < rooms; have += per_window) {
    void* data = take_memory(window_bytes);
    if (data == nullptr) {
      give_back();
      return -ENOMEM;
    }
    windows.push_back({static_cast<uint8_t*>(data), window_bytes});
    memory.push_back({data, iova_of(data), window_bytes, static_cast<uint16_t>(room_bytes)});
  }
  // Whole windows: DPDK wants as many rooms as there are buffers, and not fewer.
  const auto count = static_cast<uint32_t>(windows.size() * per_window);
  rte_mempool* pool = rte_pktmbuf_pool_create_extbuf(pool_name("rooms").c_str(), count, kCacheBuffers, DEMI_DPDK_NOTE_BYTES,
                                                     static_cast<uint16_t>(room_bytes), socket, memory.data(),
                                                     static_cast<unsigned>(memory.size()));
  if (pool == nullptr) {
    give_back();
    return rte_errno > 0 ? -rte_errno : -ENOMEM;
  }
  // One that goes on growing leaves its windows behind: ArrayBuffers may still lie over them.
  rooms_ = pool;
  windows_ = std::move(windows);
  room_count_ = rooms;
  room_bytes_ = room_bytes;
  takes_chains_ = takes_chains;
  // A device that takes no chains gets each packet in one.
  const uint32_t head_bytes = takes_chains ? kHeadBytes : std::max(kHeadBytes, frame_bytes);
  heads_ = rte_pktmbuf_pool_create(pool_name("heads").c_str(), kHeads, kCacheBuffers, 0, static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + head_bytes), socket);
  if (pieces_ == nullptr) pieces_ = rte_pktmbuf_pool_create(pool_name("pieces").c_str(), kPieces, kCacheBuffers, sizeof(PieceNote), 0, socket);
  if (returned_ == nullptr) {
    returned_ = rte_ring_create_elem(pool_name("returned").c_str(), sizeof(ReturnedPiece), rte_align32pow2(kPieces + 1), socket, RING_F_SC_DEQ);
  }
  if (heads_ != nullptr && pieces_ != nullptr && returned_ != nullptr) return 0;
  return rte_errno > 0 ? -rte_errno : -ENOMEM;
}

void Queue::each_room(void (*visit)(void* context, void* note, uint8_t* room, uint32_t window, uint32_t offset), void* context) {
  struct Visit {
    Queue& queue;
    decltype(visit) then;
    void* context;
  } both{*this, visit, context};
  rte_mempool_obj_iter(
      rooms_,
      [](rte_mempool*, void* opaque, void* object, unsigned) {
        const auto& [queue, then, context] = *static_cast<Visit*>(opaque);
        auto* mbuf = static_cast<rte_mbuf*>(object);
        auto* room = static_cast<uint8_t*>(mbuf->buf_addr);
        for (uint32_t i = 0; i < queue.windows_.size(); ++i) {
          const Window& window = queue.windows_[i];
          if (room < window.data || room >= window.data + window.bytes) continue;
          then(context, rte_mbuf_to_priv(mbuf), room, i, static_cast<uint32_t>(room - window.data));
          return;
        }
      },
      &both);
}

// --- life ---

void Queue::open(const demi_dpdk_queue_config& config) {
  is_open_ = true;
  lcore_ = rte_lcore_id();
  context_ = config.context;
  release_ = config.release;
  counters_ = {};
  link_ = DEMI_DPDK_LINK_DOWN;
  ++life_;
  pieces_out_ = 0;
}

void Queue::discard_received() {
  std::array<rte_mbuf*, DEMI_DPDK_BURST_MAX> burst;
  // As many as wait in any device; a peer that goes on sending has not to be outrun.
  for (int round = 0; round < 256; ++round) {
    const uint16_t came = take_waiting(burst.data(), DEMI_DPDK_BURST_MAX);
    if (came == 0) return;
    rte_pktmbuf_free_bulk(burst.data(), came);
  }
}

void Queue::wait_for_pieces() {
  const int64_t end = monotonic_ns() + kWaitForPiecesNs;
  for (;;) {
    take_returned();
    if (pieces_out_ == 0) return;
    rte_eth_tx_done_cleanup(port_id_, index_, 0);
    take_returned();
    if (pieces_out_ == 0 || monotonic_ns() > end) return;
    usleep(100);
  }
}

bool Queue::close() {
  take_returned();
  is_open_ = false;
  release_ = [](void*, void*) {};
  return pieces_out_ == 0;
}

// --- in ---

uint32_t Queue::receive(demi_dpdk_received* into, uint32_t count) {
  const uint32_t most = std::min(count, DEMI_DPDK_BURST_MAX);
  return steering_ == nullptr ? receive_own(into, most) : receive_shared(into, most);
}

uint32_t Queue::receive_own(demi_dpdk_received* into, uint32_t count) {
  std::array<rte_mbuf*, DEMI_DPDK_BURST_MAX> burst;
  if (!begin_burst()) return 0;
  const uint16_t came = rte_eth_rx_burst(port_id_, index_, burst.data(), static_cast<uint16_t>(count));
  end_burst();
  uint32_t taken = 0;
  for (uint16_t i = 0; i < came; ++i) keep(burst[i], into, taken);
  return taken;
}

void Queue::keep(rte_mbuf* mbuf, demi_dpdk_received* into, uint32_t& taken) {
  const bool is_ours = mbuf->pool == rooms_ && mbuf->nb_segs == 1 && rte_mbuf_refcnt_read(mbuf) == 1;
  if (!is_ours) [[unlikely]] {
    mbuf = into_room(mbuf);
    if (mbuf == nullptr) return;
  }
  into[taken++] = {rte_mbuf_to_priv(mbuf), mbuf->data_off, mbuf->data_len, verdict_of(mbuf->ol_flags)};
}

// --- among several queues ---

int Queue::share(Steering* steering, int socket) {
  steering_ = steering;
  if (steering == nullptr || inbox_ != nullptr) return 0;
  inbox_ = rte_ring_create(pool_name("inbox").c_str(), kInboxFrames, socket, RING_F_SC_DEQ);
  return inbox_ != nullptr ? 0 : -ENOMEM;
}

bool Queue::hand_over(rte_mbuf* mbuf) {
  if (rte_ring_enqueue(inbox_, mbuf) == 0) return true;
  rte_pktmbuf_free(mbuf);
  return false;
}

uint16_t Queue::take_waiting(rte_mbuf** into, uint16_t count) {
  if (!begin_burst()) return 0;
  uint16_t came = 0;
  if (inbox_ != nullptr) came = static_cast<uint16_t>(rte_ring_dequeue_burst(inbox_, reinterpret_cast<void**>(into), count, nullptr));
  came = static_cast<uint16_t>(came + rte_eth_rx_burst(port_id_, index_, into + came, static_cast<uint16_t>(count - came)));
  end_burst();
  return came;
}

uint32_t Queue::receive_shared(demi_dpdk_received* into, uint32_t count) {
  std::array<rte_mbuf*, DEMI_DPDK_BURST_MAX> burst;
  uint32_t taken = 0;
  if (begin_burst()) {
    // Others may hand over more than this thread can do: what comes to itself has its half of each burst.
    const auto handed = static_cast<uint16_t>(rte_ring_dequeue_burst(inbox_, reinterpret_cast<void**>(burst.data()), (count + 1) / 2, nullptr));
    const uint16_t came = rte_eth_rx_burst(port_id_, index_, burst.data() + handed, static_cast<uint16_t>(count - handed));
    end_burst();
    // Not sorted again: the table may have changed meanwhile, and nobody must play ball with a frame.
    for (uint16_t i = 0; i < handed; ++i) keep(burst[i], into, taken);
    counters_.taken_over += handed;
    sort(burst.data() + handed, came, into, taken);
  }
  if (!steering_->all_are_open() && steering_->is_caretaker(index_)) [[unlikely]] {
    for (uint16_t i = 0; i < steering_->queues() && taken < count; ++i) {
      if ((steering_->open_queues() >> i & 1) != 0) continue;
      const uint16_t waiting = port_.queue(i).take_waiting(burst.data(), static_cast<uint16_t>(count - taken));
      sort(burst.data(), waiting, into, taken);
    }
  }
  return taken;
}

void Queue::sort(rte_mbuf* const* burst, uint16_t count, demi_dpdk_received* into, uint32_t& taken) {
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf* mbuf = burst[i];
    const uint16_t to = steering_->find(rte_pktmbuf_mtod(mbuf, const uint8_t*), mbuf->data_len);
    if (to == index_ || to == Steering::kNobody) {
      keep(mbuf, into, taken);
    } else if (to == Steering::kEverybody) {
      tell_others(mbuf);
      keep(mbuf, into, taken);
    } else if (port_.queue(to).hand_over(mbuf)) {
      ++counters_.handed_over;
    } else {
      ++counters_.not_handed_over;
    }
  }
}

void Queue::tell_others(const rte_mbuf* mbuf) {
  for (uint16_t i = 0; i < steering_->queues(); ++i) {
    if (i == index_ || (steering_->open_queues() >> i & 1) == 0) continue;
    rte_mbuf* copy = rte_pktmbuf_copy(mbuf, heads_, 0, UINT32_MAX);
    const bool is_handed = copy != nullptr && port_.queue(i).hand_over(copy);
    ++(is_handed ? counters_.handed_over : counters_.not_handed_over);
  }
}

// What another's pool has lent, or what came in pieces, is copied: it belongs to somebody else, or JavaScript must not see it.
rte_mbuf* Queue::into_room(rte_mbuf* foreign) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(rooms_);
  const uint32_t bytes = rte_pktmbuf_pkt_len(foreign);
  const bool fits = mbuf != nullptr && bytes <= rte_pktmbuf_tailroom(mbuf);
  if (fits) {
    const void* read = rte_pktmbuf_read(foreign, 0, bytes, rte_pktmbuf_mtod(mbuf, void*));
    if (read != rte_pktmbuf_mtod(mbuf, void*)) std::memcpy(rte_pktmbuf_mtod(mbuf, void*), read, bytes);
    mbuf->data_len = static_cast<uint16_t>(bytes);
    mbuf->pkt_len = bytes;
    mbuf->ol_flags |= foreign->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    ++counters_.copied_in;
  } else {
    ++counters_.no_room;
    if (mbuf != nullptr) rte_pktmbuf_free(mbuf);
  }
  rte_pktmbuf_free(foreign);
  return fits ? mbuf : nullptr;
}

void Queue::give_rooms(void* const* notes, uint32_t count) {
  std::array<void*, 64> mbufs;
  for (uint32_t done = 0; done < count;) {
    const auto some = std::min<uint32_t>(count - done, mbufs.size());
    for (uint32_t i = 0; i < some; ++i) mbufs[i] = mbuf_of_note(notes[done + i]);
    rte_mempool_put_bulk(rooms_, mbufs.data(), some);
    done += some;
  }
}

// --- out ---

void Queue::piece_is_free(void* owner, uint64_t life) {
  if (rte_lcore_id() == lcore_) return release_piece(owner, life);
  // There is a place for each piece.
  ReturnedPiece returned{owner, life};
  rte_ring_enqueue_elem(returned_, &returned, sizeof returned);
}

void Queue::take_returned() {
  ReturnedPiece returned{};
  while (rte_ring_dequeue_elem(returned_, &returned, sizeof returned) == 0) release_piece(returned.owner, returned.life);
}

void Queue::release_piece(void* owner, uint64_t life) {
  if (life != life_) return;
  --pieces_out_;
  release_(context_, owner);
}

uint32_t Queue::transmit(const demi_dpdk_packet* packets, uint32_t count) {
  if (!rte_ring_empty(returned_)) take_returned();
  count = std::min(count, DEMI_DPDK_BURST_MAX);
  std::array<rte_mbuf*, DEMI_DPDK_BURST_MAX> burst;
  uint16_t made = 0;
  if (begin_burst()) {
    // All or none: when there are not so many, this is no time to hurry.
    const uint32_t heads = rte_pktmbuf_alloc_bulk(heads_, burst.data(), count) == 0 ? count : 0;
    if (heads == 0) ++counters_.no_buffer;
    bool any_cut = false;
    while (made < heads && fill(burst[made], packets[made])) any_cut = packets[made++].segment_bytes != 0 || any_cut;
    for (uint32_t i = made; i < heads; ++i) rte_pktmbuf_free(burst[i]);
    const uint16_t sent = made == 0 ? 0 : send(burst.data(), made, any_cut);
    end_burst();
    for (uint16_t i = sent; i < made; ++i) rte_pktmbuf_free(burst[i]);
    // The packet that could not be filled has released its pieces; those behind it were not looked at.
    for (uint32_t i = made + (made < heads ? 1 : 0); i < count; ++i) release_from(packets[i], 0);
    return sent;
  }
  for (uint32_t i = 0; i < count; ++i) release_from(packets[i], 0);
  return 0;
}

// Drivers want to look at what they are to cut first. One that does not take a packet takes it never.
uint16_t Queue::send(rte_mbuf** burst, uint16_t count, bool any_cut) {
  const uint16_t ready = any_cut ? rte_eth_tx_prepare(port_id_, index_, burst, count) : count;
  uint16_t sent = ready == 0 ? uint16_t{0} : rte_eth_tx_burst(port_id_, index_, burst, ready);
  if (sent == ready && ready < count) {
    rte_pktmbuf_free(burst[sent++]);
    ++counters_.not_prepared;
  }
  return sent;
}

void Queue::release_from(const demi_dpdk_packet& packet, uint32_t piece) {
  for (; piece < packet.pieces; ++piece) {
    if (packet.first[piece].owner != nullptr) release_(context_, packet.first[piece].owner);
  }
}

// False when there are no buffers; then all of the packet's pieces are released, or will be with `head`.
bool Queue::fill(rte_mbuf* head, const demi_dpdk_packet& packet) {
  rte_mbuf* last = head;
  for (uint32_t i = 0; i < packet.pieces; ++i) {
    const demi_dpdk_piece& piece = packet.first[i];
    const bool is_shared = piece.owner != nullptr && takes_chains_;
    if (is_shared ? attach(piece, last, head) : add_copied(head, last, piece)) continue;
    release_from(packet, i);
    ++counters_.no_buffer;
    return false;
  }
  if (packet.checksum_start != 0) ask_for_offloads(head, packet);
  return true;
}

void Queue::ask_for_offloads(rte_mbuf* head, const demi_dpdk_packet& packet) const {
  constexpr uint16_t kEthernetBytes = 14;
  constexpr size_t kProtocol = kEthernetBytes + 9;  // RFC 791 3.1
  constexpr size_t kDataOffset = 12;                // RFC 9293 3.1
  constexpr uint8_t kTcp = 6;
  constexpr uint8_t kUdpBytes = 8;
  const auto* bytes = rte_pktmbuf_mtod(head, const uint8_t*);
  head->l2_len = kEthernetBytes;
  head->l3_len = static_cast<uint16_t>(packet.checksum_start - kEthernetBytes) & 0x1ff;
  const bool is_tcp = bytes[kProtocol] == kTcp;
  // Some drivers ask for it, although DPDK promises that only TSO needs it.
  head->l4_len = is_tcp ? (bytes[packet.checksum_start + kDataOffset] >> 4) * 4 & 0xff : kUdpBytes;
  head->ol_flags |= RTE_MBUF_F_TX_IPV4 | (is_tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
  if (packet.segment_bytes == 0) return;
  // RTE_MBUF_F_TX_TCP_SEG: the headers are summed up anew for each segment, and the pseudo header here has no length.
  head->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
  head->tso_segsz = packet.segment_bytes;
  auto* ip = rte_pktmbuf_mtod_offset(head, rte_ipv4_hdr*, kEthernetBytes);
  if (leaves_ip_checksums_) {
    head->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
    ip->hdr_checksum = 0;
  }
  const uint16_t sum = rte_ipv4_phdr_cksum(ip, head->ol_flags);
  std::memcpy(rte_pktmbuf_mtod_offset(head, uint8_t*, packet.checksum_start + packet.checksum_offset), &sum, sizeof sum);
}

bool Queue::attach(const demi_dpdk_piece& piece, rte_mbuf*& last, rte_mbuf* head) {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pieces_);
  if (mbuf == nullptr) return false;
  auto* note = static_cast<PieceNote*>(rte_mbuf_to_priv(mbuf));
  note->queue = this;
  note->owner = piece.owner;
  note->life = life_;
  note->shared.free_cb = &PieceNote::free;
  note->shared.fcb_opaque = note;
  rte_mbuf_ext_refcnt_set(&note->shared, 1);
  // DPDK never writes there.
  auto* data = const_cast<uint8_t*>(piece.data);
  rte_pktmbuf_attach_extbuf(mbuf, data, iova_of(data), static_cast<uint16_t>(piece.length), &note->shared);
  mbuf->data_len = static_cast<uint16_t>(piece.length);
  ++pieces_out_;
  last->next = mbuf;
  last = mbuf;
  ++head->nb_segs;
  head->pkt_len += piece.length;
  return true;
}

// Behind the last mbuf, or in new ones. False when there are none.
bool Queue::add_copied(rte_mbuf* head, rte_mbuf*& last, const demi_dpdk_piece& piece) {
  for (uint32_t copied = 0; copied < piece.length;) {
    if (last->pool != heads_ || rte_pktmbuf_tailroom(last) == 0) {
      rte_mbuf* more = takes_chains_ ? rte_pktmbuf_alloc(heads_) : nullptr;
      if (more == nullptr) return false;
      last->next = more;
      last = more;
      ++head->nb_segs;
    }
    const uint32_t some = std::min<uint32_t>(piece.length - copied, rte_pktmbuf_tailroom(last));
    std::memcpy(rte_pktmbuf_mtod_offset(last, uint8_t*, last->data_len), piece.data + copied, some);
    last->data_len = static_cast<uint16_t>(last->data_len + some);
    head->pkt_len += some;
    copied += some;
  }
  // Nothing waits for it.
  if (piece.owner != nullptr) release_(context_, piece.owner);
  return true;
}

void Queue::list_counters(demi_dpdk_counters& counters) const {
  counters = counters_;
  rte_eth_stats stats{};
  if (rte_eth_stats_get(port_id_, &stats) != 0) return;
  // Of the whole port.
  counters.no_room += stats.rx_nombuf + stats.imissed;
  counters.receive_errors = stats.ierrors;
  counters.transmit_errors = stats.oerrors;
}

}  // namespace demi::dpdk
