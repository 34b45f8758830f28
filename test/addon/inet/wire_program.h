// WireProgram: the part of a tape that says what comes from the network: segments of the peers, well-formed and otherwise, and everything else.
//
// Numbers that are zero are what an honest peer would do. A peer is the one of a connection that there is, so most segments have a right
// four-tuple, numbers near those of the connection, and right checksums. Read fuzzed_stack.h and stack_states.h first.
#pragma once

#include "inet/fuzzed_stack.h"
#include "inet/stack_states.h"
#include "tape.h"
#include "wire/icmpv4.h"

namespace demi {

class WireProgram {
 public:
  WireProgram(Tape& tape, FuzzedStack& world) : tape_(tape), world_(world) {}

  // So many kinds of steps there are.
  static constexpr uint8_t kSteps = 14;

  // Reads the rest of a step, and puts what it says into the burst.
  void step(uint8_t kind) {
    switch (kind) {
      case 0: case 1: case 2: case 3:
        say_segment(false);
        break;
      case 4:
        say_segment(true);
        break;
      case 5:
        open_from_outside();
        break;
      case 6:
        say_arp();
        break;
      case 7:
        say_icmp_error();
        break;
      case 8:
        say_echo();
        break;
      case 9:
        say_datagram();
        break;
      case 10:
        say_raw_frame();
        break;
      case 11:
        say_raw_packet();
        break;
      case 12:
        reflect();
        break;
      default:
        answer_everything();
        break;
    }
  }

  // One byte mostly: a host of the link, or what is none.
  IpAddress address() {
    switch (const uint8_t choice = tape_.byte()) {
      case 250: return IpAddress::unspecified(Family::kIPv4);
      case 251: return IpAddress::limited_broadcast();
      case 252: return IpAddress::ipv4(127, 0, 0, 1);
      case 253: return IpAddress::ipv4(224, 0, 0, 1);
      case 254: return IpAddress::ipv4(tape_.number());
      default: return FuzzedStack::host(choice);  // 10.0.0.255 is the broadcast address, 10.0.0.0 the network
    }
  }

 private:
  // --- the network: segments of the peers ---

  WirePeer& peer() {
    // There is always one: every state has a connection, and peers stay when theirs is gone.
    std::vector<WirePeer>& peers = world_.peers();
    return peers[tape_.below(static_cast<uint32_t>(peers.size()))];
  }

  // Which fields differ from those of an acknowledgment is said by the bits of a byte.
  void say_segment(bool is_damaged) {
    WirePeer& from = peer();
    TcpHeader header = from.acknowledgment();
    const uint8_t fields = tape_.byte();
    if ((fields & 1) != 0) choose_flags(header);
    if ((fields & 2) != 0) header.sequence_number = place(from, true);
    if ((fields & 4) != 0) header.acknowledgment_number = place(from, false);
    if ((fields & 8) != 0) choose_window(header);
    const uint32_t text_bytes = (fields & 16) != 0 ? text_length() : 0;
    const bool has_raw_options = (fields & 32) != 0 && !choose_options(from, header);
    if ((fields & 64) != 0) header.urgent_pointer = tape_.word();
    if (!is_damaged && !has_raw_options) {
      world_.receive(from, header, text_bytes);
      return;
    }
    from.emit(header, text_bytes, octets_);
    if (has_raw_options) put_raw_options(header);
    if (is_damaged) damage();
    world_.receive(octets_);
  }

  void choose_flags(TcpHeader& header) {
    constexpr uint16_t kChoices[] = {TcpFlags::kAck | TcpFlags::kPsh,
                                     TcpFlags::kAck | TcpFlags::kFin,
                                     TcpFlags::kSyn,
                                     TcpFlags::kSyn | TcpFlags::kAck,
                                     TcpFlags::kRst,
                                     TcpFlags::kRst | TcpFlags::kAck,
                                     TcpFlags::kFin,
                                     0,
                                     TcpFlags::kAck | TcpFlags::kUrg,
                                     TcpFlags::kAck | TcpFlags::kEce | TcpFlags::kCwr,
                                     TcpFlags::kSyn | TcpFlags::kFin,
                                     TcpFlags::kSyn | TcpFlags::kRst,
                                     TcpFlags::kAll};
    const uint8_t choice = tape_.byte();
    header.flags.bits = choice < std::size(kChoices) ? kChoices[choice] : choice;
  }

  // One byte: which place of the connection, in the low bits, and how many octets away from it.
  SeqNumber place(const WirePeer& from, bool of_peer) {
    const uint8_t choice = tape_.byte();
    constexpr int32_t kAway[] = {0, -1, 1, -100, 100, -1'000, 1'000, 1'448, -1'448, 2'896, -2'896, 4'000, 8'000, 60'000, 1 << 20, -(1 << 20)};
    const auto away = static_cast<uint32_t>(kAway[choice >> 3 & 15]);
    switch (choice & 7) {
      case 0: case 1:
        return (of_peer ? from.wanted : from.seen_end) + away;
      case 2:
        return (of_peer ? from.edge : from.told) + away;
      case 3:
        return (of_peer ? from.iss : from.stack_iss) + away;
      case 4:
        return (of_peer ? from.wanted : from.seen_end) + static_cast<uint32_t>(static_cast<int16_t>(tape_.word()));
      case 5:
        return (of_peer ? from.wanted : from.told) + static_cast<uint32_t>(tape_.word());
      case 6:
        return (of_peer ? from.wanted : from.seen_end) + 0x8000'0000u + away;
      default:
        return SeqNumber(tape_.number());
    }
  }

  void choose_window(TcpHeader& header) {
    constexpr uint16_t kChoices[] = {0, 1, 2, 10, 100, 365, 1'000, 0xffff};
    const uint8_t choice = tape_.byte();
    header.window = choice < std::size(kChoices) ? kChoices[choice] : static_cast<uint16_t>(choice << 8);
  }

  uint32_t text_length() {
    constexpr uint16_t kChoices[] = {1, 2, 10, 100, 536, 1'000, 1'447, 1'448, 1'460, 2'896, 4'000, 9'000};
    const uint8_t choice = tape_.byte();
    return choice < std::size(kChoices) ? kChoices[choice] : choice;
  }

  // False if they are bytes that no header of ours would emit: choice 0, which put_raw_options() does later.
  bool choose_options(const WirePeer& from, TcpHeader& header) {
    TcpOptions& options = header.options;
    const uint8_t choice = tape_.byte();
    switch (choice & 7) {
      case 0:
        options = {};
        return false;
      case 1:
        options = {};
        return true;
      case 2: case 3: {
        const uint8_t blocks = static_cast<uint8_t>(1 + (choice >> 3 & 3));
        options.sack_block_count = std::min<uint8_t>(blocks, options.timestamps ? 3 : 4);
        for (size_t i = 0; i < options.sack_block_count; ++i) {
          const SeqNumber begin = place(from, false);
          options.sack_blocks[i] = {begin, (choice & 1) != 0 ? place(from, false) : begin + tape_.word()};
        }
        return true;
      }
      case 4:
        options.timestamps = TcpTimestamps{from.timestamp - (choice >> 3) * 100, from.echo};
        return true;
      case 5:
        options.timestamps = TcpTimestamps{from.timestamp, from.echo + tape_.byte() - 128};
        return true;
      case 6:
        options.maximum_segment_size = (choice & 0x80) != 0 ? tape_.word() : 536;
        options.window_scale = static_cast<uint8_t>(choice >> 3 & 15);
        options.sack_permitted = true;
        return true;
      default:
        options.timestamps = TcpTimestamps{tape_.number(), tape_.number()};
        return true;
    }
  }

  void put_raw_options(const TcpHeader& header) {
    const Bytes options = tape_.take(tape_.byte() % (TcpOptions::kBytesMax + 1));
    const size_t padded = (options.size() + 3) / 4 * 4;
    const auto at = octets_.begin() + static_cast<ptrdiff_t>(kTcpStart + TcpHeader::kBytesMin);
    octets_.insert(at, padded, 0);
    std::copy(options.begin(), options.end(), octets_.begin() + static_cast<ptrdiff_t>(kTcpStart + TcpHeader::kBytesMin));
    octets_[kTcpStart + 12] = static_cast<uint8_t>((TcpHeader::kBytesMin + padded) / 4 << 4 | header.flags.bits >> 8);
    mend(kMendIp | kMendUpper);
  }

  // Some octets are others, anywhere. The checksums are right again, or not.
  void damage() {
    const uint8_t how = tape_.byte();
    for (int i = 0; i <= (how >> 2 & 3); ++i) {
      const size_t at = tape_.byte() % octets_.size();
      octets_[at] ^= tape_.byte();
    }
    mend(how & 3);
    // Damage may be where text is, or make it text of another place.
    if ((how & kMendUpper) != 0) world_.note_foreign_text();
  }

  // --- the network: everything else ---

  void open_from_outside() {
    const auto port = static_cast<uint16_t>(7'000 + tape_.byte() % 32);
    const uint8_t how = tape_.byte();
    const uint8_t number = (how & 2) == 0 ? StackStates::kStaticHost : StackStates::kKnownHost;
    WirePeer* from = world_.add_peer({FuzzedStack::host(1), FuzzedStack::kPort}, {FuzzedStack::host(number), port}, FuzzedStack::station(number));
    if (from == nullptr) return;
    world_.receive(*from, from->syn((how & 1) == 0), (how & 4) != 0 ? 100 : 0);
    if ((how & 8) == 0) return;
    world_.deliver();
    world_.receive(*from, from->acknowledgment(), 0);
  }

  MacAddress mac_of(uint8_t choice) {
    if (choice == 255) return MacAddress::broadcast();
    if (choice == 254) return MacAddress();
    return FuzzedStack::station(choice);
  }

  void begin_frame(const MacAddress& to, uint8_t from, EtherType type, size_t payload_bytes) {
    octets_.assign(EthernetView::kBytes + payload_bytes, 0);
    EthernetHeader{to, mac_of(from), type, false, 0}.emit(octets_);
  }

  // A reply of host(2) with zeros; of a tape that is 4, the neighbor that is asked for.
  void say_arp() {
    const uint8_t how = tape_.byte();
    const IpAddress sender = address();
    const uint8_t mac = tape_.byte();
    begin_frame((how & 1) != 0 ? MacAddress::broadcast() : FuzzedStack::station(1), mac, EtherType::kArp, ArpHeader::kBytes);
    ArpHeader arp;
    arp.operation = static_cast<ArpOperation>((how & 2) != 0 ? 1 : (how & 4) != 0 ? how : 2);
    arp.sender_mac = mac_of(mac);
    arp.sender_ip = sender;
    arp.target_mac = FuzzedStack::station(1);
    arp.target_ip = (how & 8) != 0 ? address() : FuzzedStack::host(1);
    arp.emit(MutableBytes(octets_).subspan(EthernetView::kBytes));
    world_.receive(octets_);
  }

  void begin_packet(IpProtocol protocol, const IpAddress& source, size_t payload_bytes) {
    begin_frame(FuzzedStack::station(1), StackStates::kStaticHost, EtherType::kIPv4, Ipv4Header::kBytes + payload_bytes);
    Ipv4Header ip;
    ip.protocol = protocol;
    ip.source = source;
    ip.destination = FuzzedStack::host(1);
    ip.payload_bytes = static_cast<uint16_t>(payload_bytes);
    ip.emit(MutableBytes(octets_).subspan(EthernetView::kBytes));
  }

  // About a segment of a connection, or a datagram of a socket.
  void say_icmp_error() {
    const uint8_t how = tape_.byte();
    const WirePeer& about = peer();
    constexpr size_t kQuoted = Ipv4Header::kBytes + 8;
    begin_packet(IpProtocol::kIcmpV4, (how & 1) != 0 ? FuzzedStack::host(254) : about.remote.address, IcmpV4Header::kBytes + kQuoted);
    const MutableBytes quoted = MutableBytes(octets_).last(kQuoted);
    Ipv4Header ip;
    ip.protocol = (how & 2) != 0 ? IpProtocol::kUdp : IpProtocol::kTcp;
    ip.source = about.local.address;
    ip.destination = about.remote.address;
    ip.payload_bytes = static_cast<uint16_t>((how & 4) != 0 ? tape_.word() % Ipv4Header::kPayloadBytesMax : 1'000);
    ip.emit(quoted);
    store_be16(quoted.data() + 20, (how & 2) != 0 ? StackStates::kConnectedPort : about.local.port);
    store_be16(quoted.data() + 22, (how & 2) != 0 ? StackStates::kUdpPeerPort : about.remote.port);
    store_be32(quoted.data() + 24, ((how & 8) != 0 ? place(about, false) : about.told).value());
    IcmpV4Header message;
    message.type = static_cast<IcmpV4Type>((how & 16) != 0 ? tape_.byte() : 3);
    message.code = tape_.byte() % 16;
    message.next_hop_mtu = tape_.word();
    Checksum data;
    data.add(quoted);
    message.emit(MutableBytes(octets_).subspan(kTcpStart, IcmpV4Header::kBytes), data);
    world_.receive(octets_);
  }

  void say_echo() {
    const IpAddress from = address();
    const size_t bytes = text_length() % 1'400;
    begin_packet(IpProtocol::kIcmpV4, from, IcmpV4Header::kBytes + bytes);
    octets_[kTcpStart] = 8;
    mend(kMendUpper);
    world_.receive(octets_);
  }

  void say_datagram() {
    constexpr uint16_t kPorts[] = {StackStates::kWildcardPort, StackStates::kBoundPort, StackStates::kConnectedPort, 999};
    const uint8_t how = tape_.byte();
    const IpAddress from = (how & 4) != 0 ? address() : FuzzedStack::host(StackStates::kStaticHost);
    const size_t bytes = (how & 8) != 0 ? text_length() % 1'400 : how >> 4;
    begin_packet(IpProtocol::kUdp, from, UdpHeader::kBytes + bytes);
    const MutableBytes datagram = MutableBytes(octets_).subspan(kTcpStart);
    UdpHeader{StackStates::kUdpPeerPort, kPorts[how & 3], static_cast<uint16_t>(bytes)}.emit(datagram);
    mend(kMendUpper);
    world_.receive(octets_);
  }

  // Nothing of it is right, unless the tape says so: not even that it is for us.
  void say_raw_frame() {
    const uint8_t how = tape_.byte();
    octets_.clear();
    if ((how & 1) == 0) {
      begin_frame(FuzzedStack::station(1), StackStates::kStaticHost, EtherType::kIPv4, 0);
      store_be16(octets_.data() + 12, tape_.word());
    }
    const Bytes rest = tape_.take(tape_.byte());
    octets_.insert(octets_.end(), rest.begin(), rest.end());
    receive_raw(how);
  }

  // A packet of any protocol, with any header: the fields of an IPv4 header are on the tape, and the checksums are mended if it says so.
  void say_raw_packet() {
    const uint8_t how = tape_.byte();
    WirePeer& from = peer();
    begin_frame((how & 4) != 0 ? MacAddress::broadcast() : FuzzedStack::station(1), StackStates::kStaticHost, EtherType::kIPv4, Ipv4Header::kBytes);
    Ipv4Header ip;
    ip.protocol = static_cast<IpProtocol>((how & 8) != 0 ? tape_.byte() : 6);
    ip.source = (how & 16) != 0 ? address() : from.remote.address;
    ip.destination = (how & 32) != 0 ? address() : from.local.address;
    const Bytes rest = tape_.take(tape_.byte());
    ip.payload_bytes = static_cast<uint16_t>(rest.size());
    ip.emit(MutableBytes(octets_).subspan(EthernetView::kBytes));
    octets_.insert(octets_.end(), rest.begin(), rest.end());
    if ((how & 64) != 0) {
      // Version, fragments, lengths.
      const size_t at = tape_.byte() % Ipv4Header::kBytes;
      octets_[EthernetView::kBytes + at] = tape_.byte();
    }
    mend(how & 3);
    receive_raw(how >> 1);
  }

  void receive_raw(uint8_t how) {
    const ChecksumVerdict verdict = (how & 0xc0) == 0x40 ? ChecksumVerdict::kGood : (how & 0xc0) == 0xc0 ? ChecksumVerdict::kBad : ChecksumVerdict::kUnknown;
    world_.note_foreign_text();
    world_.receive(octets_, verdict);
  }

  // What was sent last comes back: as it is, or as if its receiver had sent it.
  void reflect() {
    const uint8_t how = tape_.byte();
    const Bytes last = world_.last_sent();
    octets_.assign(last.begin(), last.end());
    if ((how & 1) == 0 && octets_.size() >= kTcpStart + 8) {
      std::swap_ranges(octets_.begin(), octets_.begin() + 6, octets_.begin() + 6);
      std::swap_ranges(octets_.begin() + 26, octets_.begin() + 30, octets_.begin() + 30);
      std::swap_ranges(octets_.begin() + kTcpStart, octets_.begin() + kTcpStart + 2, octets_.begin() + kTcpStart + 2);
      mend(kMendUpper);
    }
    world_.receive(octets_);
  }

  // All peers acknowledge what they have seen, as good ones would.
  void answer_everything() {
    for (size_t i = 0; i < world_.peers().size(); ++i) {
      WirePeer& each = world_.peers()[i];
      if (each.told == each.seen_end) continue;
      world_.receive(each, each.acknowledgment(), 0);
    }
  }

  static constexpr size_t kTcpStart = EthernetView::kBytes + Ipv4Header::kBytes;
  static constexpr uint8_t kMendIp = 1;
  static constexpr uint8_t kMendUpper = 2;

  // Makes the checksums right, as far as the lengths allow. The header of IPv4 has 20 bytes here.
  void mend(uint8_t which) {
    if (octets_.size() < kTcpStart) return;
    const MutableBytes ip = MutableBytes(octets_).subspan(EthernetView::kBytes);
    if ((which & kMendIp) != 0) {
      store_be16(ip.data() + 2, static_cast<uint16_t>(ip.size()));
      store_be16(ip.data() + 10, 0);
      Checksum sum;
      sum.add(ip.first(std::min(ip.size(), size_t{ip[0] & 0xfu} * 4)));
      store_be16(ip.data() + 10, sum.value());
    }
    if ((which & kMendUpper) == 0) return;
    const MutableBytes upper = ip.subspan(Ipv4Header::kBytes);
    const auto protocol = static_cast<IpProtocol>(ip[9]);
    const size_t at = protocol == IpProtocol::kTcp ? 16 : protocol == IpProtocol::kUdp ? 6 : 2;
    if (upper.size() < at + 2) return;
    store_be16(upper.data() + at, 0);
    Checksum sum;
    if (protocol != IpProtocol::kIcmpV4) {
      sum = Checksum::pseudo_header(IpAddress::load_ipv4(ip.data() + 12), IpAddress::load_ipv4(ip.data() + 16), protocol, static_cast<uint32_t>(upper.size()));
    }
    sum.add(upper);
    store_be16(upper.data() + at, sum.value());
  }

  Tape& tape_;
  FuzzedStack& world_;
  Octets octets_;
};

}  // namespace demi
