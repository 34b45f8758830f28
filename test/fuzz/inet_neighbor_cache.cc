// The cache of neighbors: the bytes are a program of frames to hosts, ARP packets of hosts, and time. Its bounds hold, whoever says what, and
// nothing waits for ever.
#include "base/assert.h"
#include "inet/neighbor_cache.h"
#include "memory/memory.h"
#include "tape.h"

namespace demi {
namespace {

class NeighborProgram {
 public:
  explicit NeighborProgram(Tape& tape) : tape_(tape), cache_(NeighborConfig(), {1, 2}) { cache_.add_static(address_of(7), mac_of(7)); }

  void run() {
    for (int steps = 0; steps < 500 && !tape_.at_end(); ++steps) {
      step();
      check();
    }
    // Who is not used any more is forgotten, all but the static one.
    for (int timers = 0; !cache_.poll_timeout().is_never(); ++timers) {
      DEMI_ASSERT(timers < 20'000, "a neighbor is never forgotten");
      now_ = std::max(now_, cache_.poll_timeout());
      cache_.handle_timeout(now_);
      check();
    }
    DEMI_ASSERT(cache_.size() == 1 && cache_.frames_waiting() == 0, "neighbors are left");
    DEMI_ASSERT(memory().buffers_outstanding() == 0, "memory is missing");
    // The frames of a neighbor that had to make room go with it.
    const uint64_t lost = cache_.counters().queue_full + cache_.counters().evicted * kNeighborQueueFrames;
    DEMI_ASSERT(frames_out_ + frames_given_up_ <= frames_ && frames_ <= frames_out_ + frames_given_up_ + lost, "frames are missing");
  }

 private:
  static Memory& memory() {
    static Memory memory;
    return memory;
  }
  static IpAddress address_of(uint16_t number) { return IpAddress::ipv4(0x0a000000u + number); }
  static MacAddress mac_of(uint8_t number) { return {{0x02, 0, 0, 0, 0, number}}; }
  IpAddress address() { return address_of(static_cast<uint16_t>((tape_.byte() & 7) == 0 ? tape_.word() : tape_.byte())); }

  void step() {
    switch (const uint8_t what = tape_.byte() % 8) {
      case 0: case 1:
        send_to(address());
        break;
      case 2: {
        // A burst to many hosts, one after the other: more than there may be.
        const uint16_t first = tape_.word();
        for (uint32_t i = 0; i < tape_.byte() * 8u; ++i) send_to(address_of(static_cast<uint16_t>(first + i)));
        break;
      }
      case 3: {
        const IpAddress of = address();
        cache_.handle_reply(of, mac_of(tape_.byte()), now_);
        break;
      }
      case 4: case 5: {
        const IpAddress of = address();
        cache_.handle_request(of, mac_of(tape_.byte()), what == 4, now_);
        break;
      }
      case 6:
        cache_.confirm(address(), now_);
        break;
      default: {
        constexpr int64_t kMilliseconds[] = {1, 500, 1'000, 3'000, 30'000, 60'000, 1'200'000, 3'600'000};
        now_ = now_ + Duration::milliseconds(kMilliseconds[tape_.byte() % 8]);
        cache_.handle_timeout(now_);
        DEMI_ASSERT(cache_.poll_timeout() > now_, "something is due that was just done");
        break;
      }
    }
  }

  void send_to(const IpAddress& to) {
    if (cache_.use(to, now_)) return;
    BufferRef room = memory().allocate_room(64);
    const uint32_t first = room->headroom;
    cache_.wait_for(to, Frame(std::move(room), first, 64), now_);
    ++frames_;
  }

  void check() {
    DEMI_ASSERT(cache_.size() <= kNeighborsMax, "more neighbors than there may be");
    DEMI_ASSERT(cache_.frames_waiting() <= cache_.size() * kNeighborQueueFrames, "more frames wait than may");
    DEMI_ASSERT(cache_.state(address_of(7)) == NeighborState::kStatic && cache_.use(address_of(7), now_) == mac_of(7), "a static neighbor was changed");
    NeighborRequest request;
    for (size_t requests = 0; cache_.poll_request(request); ++requests) {
      DEMI_ASSERT(requests <= kNeighborsMax, "more requests than neighbors");
      DEMI_ASSERT(request.to.is_broadcast() || !request.to.is_zero(), "a request to nobody");
    }
    Frame frame;
    MacAddress to;
    while (cache_.poll_frame(frame, to)) {
      DEMI_ASSERT(!frame.empty() && !to.is_zero(), "a frame to nobody");
      frame.clear();
      ++frames_out_;
    }
    while (cache_.poll_unreachable(frame)) {
      frame.clear();
      ++frames_given_up_;
    }
    DEMI_ASSERT(!cache_.has_output(), "there is output that nobody gets");
  }

  Tape& tape_;
  NeighborCache cache_;
  Instant now_ = Instant() + Duration::seconds(1);
  uint64_t frames_ = 0;
  uint64_t frames_out_ = 0;
  uint64_t frames_given_up_ = 0;
};

}  // namespace
}  // namespace demi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  demi::Tape tape(demi::Bytes(data, size));
  demi::NeighborProgram(tape).run();
  return 0;
}
