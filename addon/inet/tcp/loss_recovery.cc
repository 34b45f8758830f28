#include "inet/tcp/loss_recovery.h"

#include <algorithm>

#include "base/assert.h"

namespace demi {

LossRecovery::~LossRecovery() {
  if (scoreboard_ != nullptr) scoreboards_->release(scoreboard_);
}

uint32_t LossRecovery::add_sack(SackBlock block, ObjectPool<SackState>& pool) {
  if (scoreboard_ == nullptr) {
    scoreboards_ = &pool;
    scoreboard_ = pool.make();
  }
  return scoreboard_->add(block);
}

// --- what is where ---

uint32_t LossRecovery::pipe(const SendSpace& space) const {
  const uint32_t flight = space.flight();
  if (phase_ == Phase::kOpen && scoreboard_ == nullptr && duplicate_acks_ == 0) return flight;
  if (space.sack) {
    const SeqNumber repeated = next_to_repeat(space);
    const SeqNumber unsure = SeqNumber::later_of(repeated, lost_below_);
    uint32_t pipe = repeated.distance_from(space.una) + space.nxt.distance_from(unsure);
    if (scoreboard_ != nullptr) pipe -= scoreboard_->sacked_in(space.una, repeated) + scoreboard_->sacked_in(unsure, space.nxt);
    return pipe;
  }
  // RFC 5681 3.2: each duplicate says that one segment has left the network. After a timeout (3.1) everything is taken to have left it, and
  // only what was sent again is there: a duplicate says nothing more.
  const uint32_t left = phase_ == Phase::kTimeoutRecovery ? 0 : duplicate_acks_;
  const uint64_t out = uint64_t{left} * space.mss + lost_bytes(space);
  return out >= flight ? 0 : flight - static_cast<uint32_t>(out);
}

uint32_t LossRecovery::lost_bytes(const SendSpace& space) const {
  const SeqNumber from = next_to_repeat(space);
  if (lost_below_ <= from) return 0;
  const uint32_t sacked = scoreboard_ == nullptr ? 0 : scoreboard_->sacked_in(from, lost_below_);
  return lost_below_.distance_from(from) - sacked;
}

uint32_t LossRecovery::repeated_bytes(const SendSpace& space) const {
  if (phase_ == Phase::kOpen) return 0;
  const SeqNumber end = next_to_repeat(space);
  const uint32_t sacked = scoreboard_ == nullptr ? 0 : scoreboard_->sacked_in(space.una, end);
  return end.distance_from(space.una) - sacked;
}

bool LossRecovery::next_lost(const SendSpace& space, SackBlock& range, bool& must) const {
  const SeqNumber from = next_to_repeat(space);
  if (phase_ == Phase::kOpen || lost_below_ <= from) return false;
  range = {from, lost_below_};
  if (scoreboard_ != nullptr && !scoreboard_->next_hole(from, lost_below_, range)) return false;
  range.end = SeqNumber::earlier_of(range.end, range.begin + space.mss);
  must = must_send_;
  return true;
}

bool LossRecovery::next_doubtful(const SendSpace& space, SackBlock& range, bool& is_rescue) const {
  is_rescue = false;
  if (phase_ != Phase::kFastRecovery || scoreboard_ == nullptr || scoreboard_->empty()) return false;
  const SeqNumber from = next_to_repeat(space);
  // RFC 6675 4, rule 3: a hole below the highest SACK that is not known to be lost.
  if (from < scoreboard_->highest() && scoreboard_->next_hole(from, scoreboard_->highest(), range)) {
    range.end = SeqNumber::earlier_of(range.end, range.begin + space.mss);
    return true;
  }
  // Rule 4: the last segment, once in a recovery, so that its loss does not wait for a timeout.
  if (rescued_ || scoreboard_->highest() >= recover_ || high_rxt_ >= recover_) return false;
  is_rescue = true;
  range.end = recover_;
  range.begin = SeqNumber::later_of(SeqNumber::later_of(recover_ - space.mss, scoreboard_->highest()), space.una);
  return range.begin < range.end;
}

void LossRecovery::handle_retransmitted(const SendSpace& space, SackBlock range, bool is_rescue, uint32_t timestamp) {
  must_send_ = false;
  ++repeats_;
  if (!has_repeated_) {
    has_repeated_ = awaits_echo_ = true;
    first_repeat_timestamp_ = timestamp;
  }
  if (scoreboard_ != nullptr) scoreboard_->prr.handle_sent(range.end.distance_from(range.begin));
  // A rescue does not move HighRxt: what lies between is not sent again yet.
  if (is_rescue) {
    rescued_ = true;
    return;
  }
  high_rxt_ = SeqNumber::later_of(next_to_repeat(space), range.end);
  nxt_at_repeat_ = space.nxt;
}

// --- what is learnt ---

bool LossRecovery::handle_ack(const SendSpace& space, const LossEvidence& evidence, CongestionControl& congestion, Instant now) {
  const uint32_t sacked_before = sacked_bytes();
  if (scoreboard_ != nullptr) scoreboard_->drop_below(space.una);
  // What is acknowledged now and was reported before has been delivered before.
  const uint32_t delivered = evidence.acked + evidence.sacked - (sacked_before - sacked_bytes());
  const SeqNumber lost_before = lost_below_;
  high_rxt_ = SeqNumber::later_of(high_rxt_, space.una);
  lost_below_ = SeqNumber::later_of(lost_below_, space.una);
  if (undo_if_spurious(space, evidence, congestion)) return false;
  if (evidence.acked > 0) {
    if (in_recovery() && space.una >= recover_) {
      if (phase_ == Phase::kFastRecovery) congestion.end_recovery();
      leave(space);
    } else if (in_recovery() && !space.sack) {
      // RFC 6582 3.2 step 3, partial ACK: the next segment is lost, too. As many duplicates are used up as segments were acknowledged
      // beside the one that was sent again.
      const uint32_t segments = evidence.acked / space.mss;
      duplicate_acks_ -= std::min(duplicate_acks_, segments > 0 ? segments - 1 : 0);
      if (phase_ == Phase::kFastRecovery) {
        high_rxt_ = space.una;
        lost_below_ = SeqNumber::earlier_of(space.una + space.mss, space.nxt);
        must_send_ = true;
      }
    } else if (!in_recovery()) {
      duplicate_acks_ = 0;
    }
    if (has_recover_ && space.una > recover_) has_recover_ = false;
  }
  if (space.sack ? evidence.sacked > 0 : evidence.is_duplicate) ++duplicate_acks_;
  if (frto_ != Frto::kOff && !step_frto(space, evidence, congestion)) return false;
  if (space.sack && scoreboard_ != nullptr) {
    lost_below_ = SeqNumber::later_of(lost_below_, scoreboard_->lost_below(space.mss, space.una));
  }
  if (phase_ == Phase::kFastRecovery && repeats_are_lost(space)) {
    // RFC 5681 4.3: the loss of a retransmission is a second indication of congestion. What was sent since is a part of this recovery: its holes
    // have their turn now, and must not be sent once more by another recovery behind this one.
    congestion.end_recovery();
    congestion.handle_loss(space.flight(), space.mss, now);
    recover_ = space.nxt;
    rescued_ = false;
    high_rxt_ = space.una;
    must_send_ = true;
    begin_reduction(space, delivered, congestion);
    return true;
  }
  if (phase_ == Phase::kFastRecovery && scoreboard_ != nullptr) {
    reduce_rate(space, delivered, evidence.acked > 0 && lost_below_ <= SeqNumber::later_of(lost_before, space.una), congestion);
  }
  if (in_recovery() || space.flight() == 0) return false;
  // RFC 6675 5 (2) and (4), RFC 5681 3.2. Without SACK, duplicates after a recovery may come from what that recovery sent again: RFC 6582 4.1.
  const bool is_lost = duplicate_acks_ >= SackScoreboard::kDupThresh || (space.sack && lost_below_ > space.una);
  if (is_lost && (space.sack || !has_recover_)) {
    enter_fast_recovery(space, congestion, now);
    if (scoreboard_ != nullptr) begin_reduction(space, delivered, congestion);
  }
  return false;
}

void LossRecovery::begin_reduction(const SendSpace& space, uint32_t delivered, CongestionControl& congestion) {
  // What was reported before is out of the network.
  scoreboard_->prr.begin(space.flight() - sacked_bytes() + delivered);
  reduce_rate(space, delivered, false, congestion);
}

void LossRecovery::reduce_rate(const SendSpace& space, uint32_t delivered, bool is_safe, CongestionControl& congestion) {
  const uint32_t in_network = pipe(space);
  congestion.set_recovery_window(in_network + scoreboard_->prr.handle_ack({delivered, in_network, congestion.ssthresh(), space.mss, is_safe}));
}

// What was sent behind the last of the retransmissions has arrived, as much of it as IsLost() asks for, and a hole that they were to fill is
// still there: they were lost, too. Otherwise only a timeout would tell.
bool LossRecovery::repeats_are_lost(const SendSpace& space) const {
  if (scoreboard_ == nullptr || high_rxt_ <= space.una || nxt_at_repeat_ >= space.nxt) return false;
  if (scoreboard_->sacked_in(nxt_at_repeat_, space.nxt) <= (SackScoreboard::kDupThresh - 1) * space.mss) return false;
  SackBlock hole;
  return scoreboard_->next_hole(space.una, high_rxt_, hole);
}

void LossRecovery::enter_fast_recovery(const SendSpace& space, CongestionControl& congestion, Instant now) {
  saved_ = congestion.save();
  can_undo_ = true;
  congestion.handle_loss(space.flight(), space.mss, now);
  phase_ = Phase::kFastRecovery;
  begin_ = space.una;
  recover_ = space.nxt;
  has_recover_ = true;
  rescued_ = false;
  // What the recovery before this one has sent again beyond its end is on its way, and is not sent once more. An acknowledgment of it says nothing of
  // what is sent again now.
  has_repeated_ = high_rxt_ > space.una;
  awaits_echo_ = false;
  repeats_ = 0;
  lost_below_ = SeqNumber::later_of(lost_below_, SeqNumber::earlier_of(space.una + space.mss, space.nxt));
  must_send_ = true;
}

void LossRecovery::leave(const SendSpace& space) {
  phase_ = Phase::kOpen;
  frto_ = Frto::kOff;
  new_text_wanted_ = 0;
  must_send_ = false;
  can_undo_ = false;
  duplicate_acks_ = 0;
  lost_below_ = space.una;
  if (scoreboard_ != nullptr && scoreboard_->empty()) {
    scoreboards_->release(scoreboard_);
    scoreboard_ = nullptr;
  }
}

void LossRecovery::handle_timeout(const SendSpace& space, bool timestamps, CongestionControl& congestion, Instant now) {
  const bool first = phase_ != Phase::kTimeoutRecovery || timeout_una_ != space.una;
  if (phase_ == Phase::kFastRecovery) congestion.end_recovery();
  if (phase_ != Phase::kTimeoutRecovery) {
    // A timeout during a fast recovery is undone to what was before that one.
    if (!can_undo_) saved_ = congestion.save();
    can_undo_ = true;
    has_repeated_ = awaits_echo_ = false;
    repeats_ = 0;
    begin_ = space.una;
  }
  // What has been told to be with the peer may have been dropped there again (RFC 2018 8): it is, if the first byte is.
  if (is_sacked(space.una)) scoreboard_->clear();
  congestion.handle_timeout(space.flight(), space.mss, first, now);
  // RFC 5682 2.1: to send more than the first segment again can wait for two ACKs. Timestamps tell the same with one.
  const bool may_tell = first && phase_ == Phase::kOpen && !timestamps && space.flight() > space.mss;
  phase_ = Phase::kTimeoutRecovery;
  timeout_una_ = space.una;
  recover_ = space.nxt;
  has_recover_ = true;
  duplicate_acks_ = 0;
  high_rxt_ = space.una;
  lost_below_ = may_tell ? space.una + space.mss : space.nxt;
  frto_ = may_tell ? Frto::kFirstAck : Frto::kOff;
  new_text_wanted_ = 0;
  must_send_ = true;
}

void LossRecovery::handle_too_big(const SendSpace& space) {
  phase_ = Phase::kTimeoutRecovery;
  timeout_una_ = space.una;
  recover_ = space.nxt;
  has_recover_ = true;
  can_undo_ = false;
  frto_ = Frto::kOff;
  high_rxt_ = space.una;
  lost_below_ = space.nxt;
  must_send_ = true;
}

// --- losses that were none ---

bool LossRecovery::undo_if_spurious(const SendSpace& space, const LossEvidence& evidence, CongestionControl& congestion) {
  if (!in_recovery() || !can_undo_) return false;
  // RFC 3522 3.2: the acknowledgment answers a segment that left before the first retransmission did.
  if (evidence.acked > 0 && evidence.has_echo && awaits_echo_) {
    const bool is_older = static_cast<int32_t>(evidence.echo - first_repeat_timestamp_) < 0;
    awaits_echo_ = false;
    if (is_older) {
      undo(space, congestion);
      return true;
    }
  }
  // RFC 3708 3: everything that was sent again had arrived before.
  const bool is_of_this_recovery = evidence.duplicate_end > begin_ && evidence.duplicate_end <= high_rxt_;
  if (evidence.is_duplicate_sack && is_of_this_recovery && repeats_ > 0 && --repeats_ == 0) {
    undo(space, congestion);
    return true;
  }
  return false;
}

void LossRecovery::undo(const SendSpace& space, CongestionControl& congestion) {
  congestion.undo(saved_);
  ++undone_;
  leave(space);
  high_rxt_ = space.una;
}

// RFC 5682 2.1. Returns whether the recovery goes on as usual.
bool LossRecovery::step_frto(const SendSpace& space, const LossEvidence& evidence, CongestionControl& congestion) {
  if (evidence.acked == 0) {
    // Step 2a and 3a: a duplicate: the loss was real. Other ACKs tell nothing.
    if (evidence.is_duplicate || evidence.sacked > 0) {
      // 3a: one segment beside the two new ones.
      if (frto_ == Frto::kSecondAck) must_send_ = true;
      take_rest_for_lost();
    }
    return true;
  }
  if (frto_ == Frto::kFirstAck) {
    // Step 2b: two segments of new text, whose ACKs will tell.
    frto_ = Frto::kSecondAck;
    new_text_wanted_ = 2;
    high_rxt_ = lost_below_ = space.una;
    return false;
  }
  // Step 3b: text was acknowledged that was not sent again.
  undo(space, congestion);
  return false;
}

void LossRecovery::handle_no_new_text(const SendSpace& space) {
  if (frto_ != Frto::kSecondAck || new_text_wanted_ < 2) return;
  take_rest_for_lost();
  high_rxt_ = space.una;
}

}  // namespace demi
