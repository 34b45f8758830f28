// LossRecovery: which of the text in flight is taken for lost and sent again, and how much of it is still in the network.
//
// Three numbers say it for every peer, with SACK (RFC 6675) or without (RFC 6582):
//
//     snd_una ....... high_rxt ........ lost_below ........ snd_nxt
//        sent again      lost, its turn    in flight, as far
//                        is still to come  as we know
//
// and what the scoreboard has is out of the network anywhere. A timeout takes everything for lost (lost_below = snd_nxt), a third duplicate the
// first segment, the scoreboard what IsLost() says. snd_nxt never goes back. With SACK cwnd follows what is delivered while a fast recovery lasts
// (prr.h), and is ssthresh behind it. Losses that turn out to be none are undone: by timestamps (Eifel, RFC 3522 and 4015), by duplicate SACKs
// (RFC 3708), or for peers that have neither by F-RTO (RFC 5682).
#pragma once

#include <cstdint>

#include "inet/tcp/congestion_control.h"
#include "inet/tcp/object_pool.h"
#include "inet/tcp/prr.h"
#include "inet/tcp/sack_scoreboard.h"

namespace demi {

// Where the sender stands, for one call.
struct SendSpace {
  SeqNumber una;
  SeqNumber nxt;
  uint32_t mss;
  bool sack;

  uint32_t flight() const { return nxt.distance_from(una); }
};

// What an acknowledgment said, as far as it concerns losses.
struct LossEvidence {
  uint32_t acked = 0;              // bytes that SND.UNA moved by
  bool is_duplicate = false;       // RFC 5681 2
  uint32_t sacked = 0;             // bytes that were not known to have arrived
  bool is_duplicate_sack = false;  // RFC 2883: something arrived twice, and ended at `duplicate_end`
  SeqNumber duplicate_end;
  bool has_echo = false;           // a timestamp, whose echo is `echo`
  uint32_t echo = 0;
};

// What a flight needs once the peer reports what it has behind a hole.
struct SackState : SackScoreboard {
  Prr prr;
};

class LossRecovery {
 public:
  explicit LossRecovery(SeqNumber una) : recover_(una), high_rxt_(una), lost_below_(una) {}
  LossRecovery(const LossRecovery&) = delete;
  LossRecovery& operator=(const LossRecovery&) = delete;
  ~LossRecovery();

  enum class Phase : uint8_t { kOpen, kFastRecovery, kTimeoutRecovery };
  Phase phase() const { return phase_; }
  bool in_recovery() const { return phase_ != Phase::kOpen; }
  // Nothing is lost, or reported to be behind a hole.
  bool is_untroubled() const { return phase_ == Phase::kOpen && scoreboard_ == nullptr; }
  uint32_t duplicate_acks() const { return duplicate_acks_; }
  uint32_t sacked_bytes() const { return scoreboard_ == nullptr ? 0 : scoreboard_->sacked_bytes(); }
  // Bytes taken for lost and not sent again yet.
  uint32_t lost_bytes(const SendSpace& space) const;
  // Bytes sent again in this recovery, and neither acknowledged nor reported since.
  uint32_t repeated_bytes(const SendSpace& space) const;

  // A block of a SACK option, in (una, nxt]. Returns the bytes that were not known.
  uint32_t add_sack(SackBlock block, ObjectPool<SackState>& pool);
  bool is_sacked(SeqNumber place) const { return scoreboard_ != nullptr && scoreboard_->is_sacked(place); }
  uint32_t refused_ranges() const { return scoreboard_ == nullptr ? 0 : scoreboard_->refused(); }

  // `space` is as it is after the acknowledgment. True: retransmissions were lost, and are sent again with a time of their own.
  bool handle_ack(const SendSpace& space, const LossEvidence& evidence, CongestionControl& congestion, Instant now);
  void handle_timeout(const SendSpace& space, bool timestamps, CongestionControl& congestion, Instant now);
  // MSS has shrunk: what is in flight does not get through (RFC 1191 6.5). It is sent again, and congestion is not blamed.
  void handle_too_big(const SendSpace& space);

  // Bytes in the network (RFC 6675 4, SetPipe).
  uint32_t pipe(const SendSpace& space) const;
  // What must be sent again next, at most a segment. `must` says that pipe is no reason to wait. False: nothing.
  bool next_lost(const SendSpace& space, SackBlock& range, bool& must) const;
  // RFC 6675 4, NextSeg rules 3 and 4: what may be sent again when there is nothing better to send. `is_rescue`: by rule 4.
  bool next_doubtful(const SendSpace& space, SackBlock& range, bool& is_rescue) const;
  // It was sent again, in a segment with this timestamp.
  void handle_retransmitted(const SendSpace& space, SackBlock range, bool is_rescue, uint32_t timestamp);
  // F-RTO asks for two segments of new text although pipe forbids them.
  bool wants_new_text() const { return new_text_wanted_ > 0; }
  void handle_new_text_sent(uint32_t bytes) {
    if (new_text_wanted_ > 0) --new_text_wanted_;
    if (scoreboard_ != nullptr) scoreboard_->prr.handle_sent(bytes);
  }
  // There is none to be had: F-RTO cannot tell.
  void handle_no_new_text(const SendSpace& space);

  // Modulo 2^16.
  uint16_t undone() const { return undone_; }

 private:
  enum class Frto : uint8_t { kOff, kFirstAck, kSecondAck };

  void enter_fast_recovery(const SendSpace& space, CongestionControl& congestion, Instant now);
  void leave(const SendSpace& space);
  bool undo_if_spurious(const SendSpace& space, const LossEvidence& evidence, CongestionControl& congestion);
  void undo(const SendSpace& space, CongestionControl& congestion);
  void begin_reduction(const SendSpace& space, uint32_t delivered, CongestionControl& congestion);
  void reduce_rate(const SendSpace& space, uint32_t delivered, bool is_safe, CongestionControl& congestion);
  bool repeats_are_lost(const SendSpace& space) const;
  bool step_frto(const SendSpace& space, const LossEvidence& evidence, CongestionControl& congestion);
  void take_rest_for_lost() { frto_ = Frto::kOff, new_text_wanted_ = 0, lost_below_ = recover_; }
  SeqNumber next_to_repeat(const SendSpace& space) const { return SeqNumber::later_of(space.una, high_rxt_); }

  SackState* scoreboard_ = nullptr;
  ObjectPool<SackState>* scoreboards_ = nullptr;
  Phase phase_ = Phase::kOpen;
  Frto frto_ = Frto::kOff;
  uint8_t new_text_wanted_ = 0;
  bool must_send_ = false;       // the first retransmission of a recovery goes out whatever pipe says
  bool has_recover_ = false;     // recover_ is above SND.UNA, or was not passed yet
  bool rescued_ = false;         // rule 4 was used in this recovery
  bool can_undo_ = false;        // saved_ is what the window was before this recovery
  bool has_repeated_ = false;    // something was sent again in this recovery
  bool awaits_echo_ = false;     // and no acknowledgment of new text has come since the first of it
  uint16_t undone_ = 0;
  SeqNumber recover_;            // SND.NXT when the recovery began (RFC 6582)
  SeqNumber high_rxt_;
  SeqNumber lost_below_;
  SeqNumber begin_;              // SND.UNA when the recovery began
  SeqNumber timeout_una_;        // SND.UNA at the last timeout
  SeqNumber nxt_at_repeat_;      // SND.NXT when something was last sent again
  uint32_t duplicate_acks_ = 0;
  uint32_t first_repeat_timestamp_ = 0;
  uint32_t repeats_ = 0;         // segments sent again in this recovery and not reported as duplicates
  CongestionControl::Saved saved_;
};

}  // namespace demi
