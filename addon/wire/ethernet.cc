#include "wire/ethernet.h"

#include "base/assert.h"

namespace demi {

size_t EthernetHeader::bytes() const { return is_tagged ? EthernetView::kBytes + EthernetView::kTagBytes : EthernetView::kBytes; }

void EthernetHeader::emit(MutableBytes into) const {
  DEMI_ASSERT(into.size() >= bytes(), "no room for the Ethernet header");
  uint8_t* at = into.data();
  destination.store(at + EthernetView::kDestination);
  source.store(at + EthernetView::kSource);
  if (is_tagged) {
    store_be16(at + EthernetView::kType, static_cast<uint16_t>(EtherType::kVlanTag));
    store_be16(at + EthernetView::kTag, vlan_tag);
  }
  store_be16(at + bytes() - 2, static_cast<uint16_t>(ether_type));
}

}  // namespace demi
