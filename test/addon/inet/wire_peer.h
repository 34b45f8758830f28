// WirePeer: the other end of one connection of a stack, as far as the wire shows it, and the frames that come from there. It has no TCP: it
// knows the numbers that would fit next, and whoever uses it says what stands in a segment.
//
// The octet at a place of the sequence space is always the same, on either side: so text that was sent or received can be checked anywhere.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "inet/inet_endpoint.h"
#include "memory/memory.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

namespace demi {

using Octets = std::vector<uint8_t>;

inline uint8_t text_octet(SeqNumber place) { return static_cast<uint8_t>(place.value() * 0x9e37'79b1u >> 24); }

inline void fill_text(MutableBytes into, SeqNumber place) {
  for (size_t i = 0; i < into.size(); ++i) into[i] = text_octet(place + static_cast<uint32_t>(i));
}
inline bool is_text(Bytes bytes, SeqNumber place) {
  uint8_t difference = 0;
  for (size_t i = 0; i < bytes.size(); ++i) difference |= static_cast<uint8_t>(bytes[i] ^ text_octet(place + static_cast<uint32_t>(i)));
  return difference == 0;
}

struct WirePeer {
  InetEndpoint local;    // the stack's end
  InetEndpoint remote;   // this one
  MacAddress mac;
  SeqNumber iss;         // where this end begins
  // What the stack waits for, and the right edge of its window, by its last ACK.
  SeqNumber wanted;
  SeqNumber edge;
  // Behind what the stack has sent, and behind what it was told has arrived.
  SeqNumber seen_end;
  SeqNumber told;
  SeqNumber stack_iss;
  uint8_t stack_scale = 0;
  bool is_scaled = false;
  bool has_timestamps = false;
  uint32_t timestamp = 1'000;  // the next of ours
  uint32_t echo = 0;           // the last of the stack

  bool is_of(const IpAddress& from, uint16_t from_port, const IpAddress& to, uint16_t to_port) const {
    return local.port == from_port && remote.port == to_port && local.address == from && remote.address == to;
  }

  // The stack has sent this.
  void see(const TcpHeader& header, uint32_t text_bytes) {
    if (header.flags.rst()) return;
    const SeqNumber end = header.sequence_number + text_bytes + header.flags.syn() + header.flags.fin();
    if (header.flags.syn()) {
      stack_iss = header.sequence_number;
      told = stack_iss;
      seen_end = end;
      stack_scale = header.options.window_scale.value_or(0);
      if (header.flags.ack()) {
        is_scaled = header.options.window_scale.has_value();
        has_timestamps = header.options.timestamps.has_value();
      }
    }
    seen_end = SeqNumber::later_of(seen_end, end);
    if (header.options.timestamps) echo = header.options.timestamps->value;
    if (!header.flags.ack()) return;
    wanted = header.acknowledgment_number;
    edge = wanted + (uint32_t{header.window} << (is_scaled && !header.flags.syn() ? stack_scale : 0));
  }

  // An ACK of everything, with nothing in it.
  TcpHeader acknowledgment() {
    TcpHeader header;
    header.source_port = remote.port;
    header.destination_port = local.port;
    header.sequence_number = wanted;
    header.acknowledgment_number = seen_end;
    header.flags.bits = TcpFlags::kAck;
    header.window = 60'000;
    if (has_timestamps) header.options.timestamps = TcpTimestamps{timestamp++, echo};
    return header;
  }
  // What opens a connection from here. Options are offered if `with_options`.
  TcpHeader syn(bool with_options) {
    TcpHeader header;
    header.source_port = remote.port;
    header.destination_port = local.port;
    header.sequence_number = iss;
    header.flags.bits = TcpFlags::kSyn;
    header.window = 60'000;
    header.options.maximum_segment_size = 1460;
    if (!with_options) return header;
    header.options.sack_permitted = true;
    header.options.window_scale = 2;
    header.options.timestamps = TcpTimestamps{timestamp++, 0};
    return header;
  }

  // The frame of a segment with so much text.
  void emit(const TcpHeader& header, uint32_t text_bytes, Octets& out) const {
    const size_t header_bytes = header.bytes();
    constexpr size_t kBefore = EthernetView::kBytes + Ipv4Header::kBytes;
    out.resize(kBefore + header_bytes + text_bytes);
    const MutableBytes all(out);
    EthernetHeader{stack_mac, mac, EtherType::kIPv4, false, 0}.emit(all);
    Ipv4Header ip;
    ip.dont_fragment = true;
    ip.protocol = IpProtocol::kTcp;
    ip.source = remote.address;
    ip.destination = local.address;
    ip.payload_bytes = static_cast<uint16_t>(header_bytes + text_bytes);
    ip.emit(all.subspan(EthernetView::kBytes));
    const MutableBytes text = all.subspan(kBefore + header_bytes);
    fill_text(text, header.sequence_number + header.flags.syn());
    Checksum rest = Checksum::pseudo_header(ip.source, ip.destination, IpProtocol::kTcp, ip.payload_bytes);
    rest.add(text);
    header.emit(all.subspan(kBefore), rest);
  }

  MacAddress stack_mac;
};

}  // namespace demi
