#include "wire/ipv4.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "wire/checksum.h"

namespace demi {

Ipv4Header Ipv4View::header() const {
  Ipv4Header header;
  header.traffic_class = traffic_class();
  header.identification = identification();
  header.dont_fragment = dont_fragment();
  header.more_fragments = more_fragments();
  header.fragment_offset = fragment_offset();
  header.time_to_live = time_to_live();
  header.protocol = protocol();
  header.source = source();
  header.destination = destination();
  header.payload_bytes = static_cast<uint16_t>(packet_.size() - header_bytes_);
  return header;
}

void Ipv4Header::emit(MutableBytes into) const {
  using View = Ipv4View;
  DEMI_ASSERT(into.size() >= kBytes, "no room for the IPv4 header");
  DEMI_ASSERT(payload_bytes <= kPayloadBytesMax && fragment_offset % 8 == 0, "no IPv4 header can say this");
  DEMI_ASSERT(source.is_ipv4() && destination.is_ipv4(), "an IPv4 header has IPv4 addresses");
  const uint32_t version_and_length = (4 << 4 | kBytes / 4) << 24 | uint32_t{traffic_class} << 16 | static_cast<uint32_t>(kBytes + payload_bytes);
  const uint32_t fragment = uint32_t{identification} << 16 | (dont_fragment ? View::kDontFragment : 0u) |
                            (more_fragments ? View::kMoreFragments : 0u) | fragment_offset / 8u;
  const uint32_t life_and_protocol = uint32_t{time_to_live} << 24 | uint32_t{static_cast<uint8_t>(protocol)} << 16;
  SummedWords words(into.data());
  for (uint32_t word : {version_and_length, fragment, life_and_protocol, source.words[0], destination.words[0]}) words.put(word);
  store_be16(into.data() + View::kChecksum, words.checksum().value());
}

Ipv4Template::Ipv4Template(const Ipv4Header& header) {
  Ipv4Header same = header;
  same.source = same.destination = IpAddress::unspecified(Family::kIPv4);
  same.payload_bytes = 0;
  std::array<uint8_t, Ipv4Header::kBytes> bytes;
  same.emit(bytes);
  store_be16(bytes.data() + Ipv4View::kTotalLength, 0);
  store_be16(bytes.data() + Ipv4View::kChecksum, 0);
  std::copy_n(bytes.begin(), sizeof bytes_, bytes_);
  Checksum checksum;
  checksum.add(bytes_);
  sum_ = checksum.folded();
}

void Ipv4Template::emit(MutableBytes into, const IpAddress& source, const IpAddress& destination, uint16_t payload_bytes) const {
  DEMI_ASSERT(into.size() >= Ipv4Header::kBytes && payload_bytes <= Ipv4Header::kPayloadBytesMax, "no room for the IPv4 header, or too much behind it");
  const auto total = static_cast<uint16_t>(Ipv4Header::kBytes + payload_bytes);
  uint8_t* at = into.data();
  std::copy_n(bytes_, sizeof bytes_, at);
  SummedWords words(at + Ipv4View::kSource);
  words.put(source.words[0]);
  words.put(destination.words[0]);
  Checksum checksum = words.checksum();
  checksum.add_words(uint32_t{sum_} + total);
  store_be16(at + Ipv4View::kTotalLength, total);
  store_be16(at + Ipv4View::kChecksum, checksum.value());
}

}  // namespace demi
