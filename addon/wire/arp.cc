#include "wire/arp.h"

#include "base/assert.h"
#include "wire/ethernet.h"

namespace demi {

namespace {
constexpr size_t kHardwareType = 0;
constexpr size_t kProtocolType = 2;
constexpr size_t kHardwareLength = 4;
constexpr size_t kProtocolLength = 5;
constexpr size_t kOperation = 6;
constexpr size_t kSenderMac = 8;
constexpr size_t kSenderIp = 14;
constexpr size_t kTargetMac = 18;
constexpr size_t kTargetIp = 24;

constexpr uint16_t kEthernetHardware = 1;
}  // namespace

Parsed<ArpHeader> ArpHeader::parse(Bytes packet) {
  if (packet.size() < kBytes) return ParseError::kTruncated;
  const uint8_t* at = packet.data();
  // RFC 826, Packet Reception: "Do I have the hardware type in ar$hrd? ... Do I speak the protocol in ar$pro?"
  if (load_be16(at + kHardwareType) != kEthernetHardware) return ParseError::kUnsupported;
  if (load_be16(at + kProtocolType) != static_cast<uint16_t>(EtherType::kIPv4)) return ParseError::kUnsupported;
  // "[optionally check the hardware length ar$hln] ... [optionally check the protocol length ar$pln]": the offsets depend on them.
  if (at[kHardwareLength] != MacAddress::kBytes || at[kProtocolLength] != IpAddress::kIPv4Bytes) return ParseError::kBadLength;
  ArpHeader header;
  header.operation = static_cast<ArpOperation>(load_be16(at + kOperation));
  header.sender_mac = MacAddress::load(at + kSenderMac);
  header.sender_ip = IpAddress::load_ipv4(at + kSenderIp);
  header.target_mac = MacAddress::load(at + kTargetMac);
  header.target_ip = IpAddress::load_ipv4(at + kTargetIp);
  return header;
}

void ArpHeader::emit(MutableBytes into) const {
  DEMI_ASSERT(into.size() >= kBytes, "no room for the ARP packet");
  DEMI_ASSERT(sender_ip.is_ipv4() && target_ip.is_ipv4(), "ARP is for IPv4");
  uint8_t* at = into.data();
  store_be16(at + kHardwareType, kEthernetHardware);
  store_be16(at + kProtocolType, static_cast<uint16_t>(EtherType::kIPv4));
  at[kHardwareLength] = MacAddress::kBytes;
  at[kProtocolLength] = IpAddress::kIPv4Bytes;
  store_be16(at + kOperation, static_cast<uint16_t>(operation));
  sender_mac.store(at + kSenderMac);
  sender_ip.store(at + kSenderIp);
  target_mac.store(at + kTargetMac);
  target_ip.store(at + kTargetIp);
}

}  // namespace demi
