// Impairment: one direction of a bad link. Frames go in, and come out when they are due: late, in another order, damaged, twice, or
// never. Everything is drawn from one seed and by the Instants it is given, so the same calls give the same link again.
#pragma once

#include <cstdint>
#include <span>

#include "base/random.h"
#include "base/ring_queue.h"
#include "base/time.h"
#include "memory/frame.h"
#include "memory/memory.h"

namespace demi {

// Loss in bursts, by the model of Gilbert and Elliott: the link is good or bad, and goes from one to the other by chance before each frame.
// A burst lasts 1 / leave frames on average, and the link is bad for the share enter / (enter + leave) of them.
struct BurstLoss {
  double enter = 0;
  double leave = 1;
  double loss_while_good = 0;
  double loss_while_bad = 1;
};

// All that a link may do to frames, in the order in which it does. Chances are from 0 to 1, for each frame.
struct ImpairmentConfig {
  // Nothing that goes in comes out.
  bool is_partitioned = false;
  // Longer packets are lost, and nobody is told. 0: none is too long.
  uint32_t mtu_bytes = 0;
  double loss = 0;
  BurstLoss burst_loss{};
  // One bit is turned over: no checksum of a header or a segment misses that. It is behind the first `corrupt_from` bytes, because a
  // damaged Ethernet header only sends the frame to somebody else; 42 spares ARP, too, which has no checksum.
  double corrupt = 0;
  uint32_t corrupt_from = 14;
  double duplicate = 0;
  // How many bits of frames leave in a second, and how many bytes may wait for that; what comes then is lost. 0: no limit.
  uint64_t rate_bits_per_second = 0;
  uint64_t queue_bytes = 0;
  // How long a frame takes, and how much longer at most. That alone changes no order: a frame waits for those before it.
  Duration delay{};
  Duration jitter{};
  // A frame is held back for so long, and those behind it overtake it.
  double reorder = 0;
  Duration reorder_delay = Duration::milliseconds(1);

  // Whether all chances are chances, no time is negative, and a burst that begins can end.
  bool is_valid() const;
};

struct ImpairmentCounters {
  uint64_t entered = 0;
  uint64_t left = 0;
  // Copies that were made, and frames that go on damaged or held back.
  uint64_t duplicated = 0;
  uint64_t corrupted = 0;
  uint64_t reordered = 0;
  // Lost, by cause. entered + duplicated == left + under way + the sum of these.
  uint64_t partitioned = 0;
  uint64_t too_long = 0;
  uint64_t lost = 0;
  uint64_t lost_in_burst = 0;
  uint64_t queue_full = 0;
  uint64_t too_many = 0;   // kImpairmentFramesMax were under way
  uint64_t no_memory = 0;  // for the damaged copy
  // Not lost, only not duplicated.
  uint64_t not_duplicated = 0;
};

class Impairment {
 public:
  // Copies of frames (those that are damaged or doubled) are made in `memory`, which outlives this. Does no harm until it is configured.
  Impairment(Memory& memory, uint64_t seed) : memory_(memory), random_(seed) {}
  Impairment(const Impairment&) = delete;
  Impairment& operator=(const Impairment&) = delete;

  // Holds for the frames that enter from now on. `config` is valid.
  void configure(const ImpairmentConfig& config);
  const ImpairmentConfig& config() const { return config_; }

  void enter(Frame frame, Instant now);
  // Gives the frames that are due, as many as fit, and returns how many.
  size_t leave(std::span<Frame> frames, Instant now);
  // When the next one is due.
  Instant next_deadline() const;
  size_t under_way() const { return straight_.frames.size() + held_back_.frames.size(); }
  const ImpairmentCounters& counters() const { return counters_; }

 private:
  struct UnderWay {
    Frame frame;
    Instant due;
  };
  // Frames that do not overtake one another: one that is due before those in front of it waits for them.
  struct Lane {
    RingQueue<UnderWay> frames;
    Instant next_due() const { return frames.empty() ? Instant::never() : frames.front().due; }
  };

  bool happens(double chance);
  bool is_lost_in_burst();
  bool is_lost(const Frame& frame);
  bool corrupt(Frame& frame);
  void send_on(Frame frame, Instant now);
  bool take_turn(size_t bytes, Instant now);

  Memory& memory_;
  Random random_;
  ImpairmentConfig config_;
  ImpairmentCounters counters_;
  bool is_bad_ = false;
  // When the last bit of the frames so far has left, by the rate; and what division left over of that, in bits times nanoseconds.
  Instant rate_free_at_;
  uint64_t rate_remainder_ = 0;
  Lane straight_;
  Lane held_back_;
};

}  // namespace demi
