#include "inet/tcp/send_queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace demi {

// From the end of a segment to the begin of the next, if there is one.
void SendQueue::Cursor::skip_to_text() {
  while (left() == 0 && segment->next != nullptr) {
    segment = segment->next;
    offset = segment->offset;
  }
}

void SendQueue::append(SgArray&& text) {
  // Small pushes that follow one another in the same room become one piece.
  text_.append(std::move(text), true);
}

// A cursor must not stand in a segment that is about to go.
void SendQueue::keep_off_dropped(Cursor& cursor, SeqNumber una) {
  if (cursor.segment == nullptr) return;
  if (cursor.seq < una) {
    cursor.segment = nullptr;
    return;
  }
  cursor.skip_to_text();
  // It stands behind the last byte, and all of them go.
  if (cursor.left() == 0 && una == end()) cursor.segment = nullptr;
}

void SendQueue::drop_below(SeqNumber una) {
  if (una <= begin_) return;
  DEMI_ASSERT(una <= end(), "more text is dropped than there is");
  keep_off_dropped(fresh_, una);
  keep_off_dropped(again_, una);
  text_.drop_front(una.distance_from(begin_));
  begin_ = una;
}

void SendQueue::walk_to(Cursor& cursor, SeqNumber place) {
  if (cursor.segment == nullptr || cursor.seq > place) {
    cursor.segment = text_.front();
    cursor.seq = begin_;
    cursor.offset = cursor.segment->offset;
  }
  for (;;) {
    cursor.skip_to_text();
    const uint32_t step = std::min(place.distance_from(cursor.seq), cursor.left());
    if (step == 0) return;
    cursor.seq += step;
    cursor.offset += step;
  }
}

uint32_t SendQueue::bytes_in_pieces(SeqNumber from, uint32_t length, uint32_t pieces) {
  if (text_.count() <= pieces) return length;
  DEMI_ASSERT(from >= begin_ && from + length <= end(), "text that is not in the send queue");
  walk_to(fresh_, from);
  uint32_t bytes = fresh_.left();
  for (const Segment* next = fresh_.segment->next; --pieces > 0 && bytes < length; next = next->next) bytes += next->length;
  return std::min(bytes, length);
}

void SendQueue::share(SeqNumber from, uint32_t length, bool again, SgArray& out) {
  if (length == 0) return;
  DEMI_ASSERT(from >= begin_ && from + length <= end(), "text that is not in the send queue");
  if (from == begin_ && text_.count() == 1 && length == text_.front()->length) {
    // One message, all of it, for the first time: there is no place to remember.
    out.append_segment(BufferRef::share(*text_.front()->buffer), text_.front()->offset, length, true);
    return;
  }
  Cursor& cursor = again ? again_ : fresh_;
  walk_to(cursor, from);
  while (length > 0) {
    cursor.skip_to_text();
    const uint32_t piece = std::min(length, cursor.left());
    out.append_segment(BufferRef::share(*cursor.segment->buffer), cursor.offset, piece, true);
    cursor.seq += piece;
    cursor.offset += piece;
    length -= piece;
  }
}

}  // namespace demi
