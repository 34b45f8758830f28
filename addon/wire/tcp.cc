#include "wire/tcp.h"

#include "base/assert.h"

namespace demi {

void TcpHeader::emit(MutableBytes into) const { emit_words(into); }

void TcpHeader::emit(MutableBytes into, const Checksum& rest) const {
  Checksum checksum = emit_words(into);
  checksum.add(rest);
  store_be16(into.data() + kChecksumOffset, checksum.value());
}

Checksum TcpHeader::emit_words(MutableBytes into) const {
  const bool is_plain = options.is_plain();
  const size_t header_bytes = kBytesMin + (!is_plain ? options.bytes() : options.timestamps ? TcpOptions::kTimestampsBytes : 0);
  DEMI_ASSERT(into.size() >= header_bytes, "no room for the TCP header");
  SummedWords words(into.data());
  words.put(uint32_t{source_port} << 16 | destination_port);
  words.put(sequence_number.value());
  words.put(acknowledgment_number.value());
  words.put(static_cast<uint32_t>(header_bytes / 4) << 28 | static_cast<uint32_t>(flags.bits & TcpFlags::kAll) << 16 | window);
  words.put(urgent_pointer);
  if (is_plain && options.timestamps) {
    words.put(TcpOptions::kTimestampsHead);
    words.put(options.timestamps->value);
    words.put(options.timestamps->echo_reply);
  }
  Checksum checksum = words.checksum();
  if (!is_plain) {
    options.emit(into.subspan(kBytesMin));
    checksum.add(into.subspan(kBytesMin, header_bytes - kBytesMin));
  }
  return checksum;
}

}  // namespace demi
