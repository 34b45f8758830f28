#include "wire/ethernet.h"

#include <gtest/gtest.h>

#include "wire/exercise.h"
#include "wire/wire_bytes.h"

namespace demi {
namespace {

const Octets kFrame = hex("ff ff ff ff ff ff  02 00 00 00 00 01  08 06  aa bb");
const Octets kTagged = hex("01 00 5e 00 00 fb  02 00 00 00 00 01  81 00 a0 64  86 dd  60");

TEST(Ethernet, ParsesAFrame) {
  const auto view = EthernetView::parse(kFrame);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->destination(), MacAddress::broadcast());
  EXPECT_EQ(view->source(), (MacAddress{{2, 0, 0, 0, 0, 1}}));
  EXPECT_EQ(view->ether_type(), EtherType::kArp);
  EXPECT_FALSE(view->is_tagged());
  EXPECT_EQ(exact(view->payload()), hex("aa bb"));
}

TEST(Ethernet, ReportsTheTagAndLooksBehindIt) {
  const auto view = EthernetView::parse(kTagged);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->ether_type(), EtherType::kIPv6);
  EXPECT_TRUE(view->is_tagged());
  EXPECT_EQ(view->vlan_tag(), 0xa064);
  EXPECT_EQ(view->header().vlan(), 100);
  EXPECT_EQ(exact(view->payload()), hex("60"));
}

TEST(Ethernet, ASecondTagIsATypeThatNobodyKnows) {
  const Octets frame = hex("ffffffffffff 020000000001 8100 0064 8100 0065 0800 45");
  const auto view = EthernetView::parse(frame);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->ether_type(), EtherType::kVlanTag);
}

TEST(Ethernet, EmitsTheBytesItWasParsedFrom) {
  for (const Octets& frame : {kFrame, kTagged}) {
    const auto view = EthernetView::parse(frame);
    ASSERT_TRUE(view);
    Octets emitted(view->header().bytes());
    view->header().emit(emitted);
    EXPECT_EQ(concat(emitted, view->payload()), frame);
  }
}

TEST(Ethernet, RandomHeadersSurvive) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    EthernetHeader header;
    header.destination = MacAddress::load(random_octets(random, 6).data());
    header.source = MacAddress::load(random_octets(random, 6).data());
    header.is_tagged = random.below(2) == 0;
    if (header.is_tagged) header.vlan_tag = static_cast<uint16_t>(random.next());
    header.ether_type = random.below(2) == 0 ? EtherType::kIPv4 : static_cast<EtherType>(random.below(0x8000));
    Octets emitted(header.bytes());
    header.emit(emitted);
    const auto view = EthernetView::parse(emitted);
    ASSERT_TRUE(view && view->header() == header && view->payload().empty()) << i;
  }
}

TEST(Ethernet, TruncatedFramesAreTold) {
  for_each_truncation(Bytes(kFrame).first(14), [](Bytes cut) { EXPECT_EQ(EthernetView::parse(cut).error(), ParseError::kTruncated); });
  for_each_truncation(Bytes(kTagged).first(18), [](Bytes cut) { EXPECT_EQ(EthernetView::parse(cut).error(), ParseError::kTruncated); });
  EXPECT_TRUE(EthernetView::parse(Bytes(kTagged).first(18)));
}

TEST(Ethernet, AnyBytesDoNoHarm) { for_random_inputs(2, {kFrame, kTagged}, exercise_ethernet); }

TEST(EthernetDeathTest, NeedsRoom) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Octets room(17);
  EthernetHeader header;
  header.is_tagged = true;
  EXPECT_DEATH(header.emit(room), "no room");
}

}  // namespace
}  // namespace demi
