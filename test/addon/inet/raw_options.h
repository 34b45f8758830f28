// TCP segments with options that no header of ours would emit: the bytes stand in the segment as they are given.
#pragma once

#include "inet/stack_fixture.h"

namespace demi {

// `options` are padded to whole words with zeros, which end a list of options.
inline Octets tcp_with_raw_options(const TcpHeader& header, Octets options, const Octets& text = {}, const IpAddress& source = host(2),
                                   const IpAddress& destination = host(1)) {
  options.resize((options.size() + 3) / 4 * 4);
  Octets octets(TcpHeader::kBytesMin);
  header.emit(octets);
  octets[12] = static_cast<uint8_t>((octets.size() + options.size()) / 4 << 4);
  octets.insert(octets.end(), options.begin(), options.end());
  octets.insert(octets.end(), text.begin(), text.end());
  store_be16(octets.data() + TcpHeader::kChecksumOffset, 0);
  Checksum sum = Checksum::pseudo_header(source, destination, IpProtocol::kTcp, static_cast<uint32_t>(octets.size()));
  sum.add(octets);
  store_be16(octets.data() + TcpHeader::kChecksumOffset, sum.value());
  return octets;
}

}  // namespace demi
