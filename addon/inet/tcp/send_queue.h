// SendQueue: text that was accepted from the user and is not acknowledged yet: one SgArray for what waits and for what may have to be sent
// again. Segments share its bytes; nothing is copied.
//
// Two cursors remember where the last new and the last repeated segment ended, so that a queue of thousands of pieces is not walked from its
// front for each segment.
#pragma once

#include <cstdint>

#include "memory/sg_array.h"
#include "wire/seq_number.h"

namespace demi {

class SendQueue {
 public:
  explicit SendQueue(SeqNumber begin) : begin_(begin) {}

  SeqNumber begin() const { return begin_; }
  SeqNumber end() const { return begin_ + static_cast<uint32_t>(text_.bytes()); }
  uint32_t bytes() const { return static_cast<uint32_t>(text_.bytes()); }

  const Segment* front() const { return text_.front(); }

  void append(SgArray&& text);
  // Gives back what lies below `una`.
  void drop_below(SeqNumber una);
  // Appends `length` bytes from `from` on to `out`, shared. They are all here. `again`: they were sent before.
  void share(SeqNumber from, uint32_t length, bool again, SgArray& out);
  // How many of the `length` bytes from `from` on, which are all here and new, lie in the first `pieces` pieces there.
  uint32_t bytes_in_pieces(SeqNumber from, uint32_t length, uint32_t pieces);

 private:
  // A place in the text: `offset` in the room of the segment's buffer. It stays right when the front of its segment is dropped or more text
  // is merged onto its end.
  struct Cursor {
    const Segment* segment = nullptr;
    SeqNumber seq;
    uint32_t offset = 0;

    uint32_t left() const { return segment->offset + segment->length - offset; }
    void skip_to_text();
  };
  void keep_off_dropped(Cursor& cursor, SeqNumber una);
  void walk_to(Cursor& cursor, SeqNumber place);

  SgArray text_;
  SeqNumber begin_;
  Cursor fresh_;
  Cursor again_;
};

}  // namespace demi
