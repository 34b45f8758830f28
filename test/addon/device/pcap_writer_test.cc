#include "device/pcap_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/limits.h"
#include "device/device_frames.h"

namespace demi {
namespace {

class PcapWriterTest : public ::testing::Test {
 protected:
  PcapWriterTest() {
    auto created = PcapWriter::create(path);
    EXPECT_TRUE(created.ok());
    writer = std::move(*created);
  }
  ~PcapWriterTest() override { std::remove(path.c_str()); }

  Octets file() const {
    std::ifstream stream(path, std::ios::binary);
    return Octets(std::istreambuf_iterator<char>(stream), {});
  }

  // Magic number of nanoseconds, version 2.4, reserved, the longest record, Ethernet.
  const Octets header{0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1};
  const std::string path = ::testing::TempDir() + "pcap_writer_test.pcap";
  Memory memory;
  std::unique_ptr<PcapWriter> writer;
};

TEST_F(PcapWriterTest, BeginsWithItsHeader) { EXPECT_EQ(file(), header); }

TEST_F(PcapWriterTest, ARecordIsATimeTheLengthsAndTheFrame) {
  const Octets octets = ethernet(station(1), station(2), 7, 60);
  // 2 s and 3 ns; the payload in pieces of its own.
  writer->append(make_frame(memory, octets, 20), 2'000'000'003);
  EXPECT_EQ(file(), header);
  writer->flush();
  Octets expected = header;
  for (const uint8_t octet : {0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 60, 0, 0, 0, 60}) expected.push_back(octet);
  expected.insert(expected.end(), octets.begin(), octets.end());
  EXPECT_EQ(file(), expected);
}

TEST_F(PcapWriterTest, NothingWasBefore1970) {
  writer->append(make_frame(memory, ethernet(station(1), station(2), 7, 14)), -5);
  writer->flush();
  const Octets written = file();
  ASSERT_EQ(written.size(), 24u + 16 + 14);
  EXPECT_TRUE(std::all_of(written.begin() + 24, written.begin() + 32, [](uint8_t octet) { return octet == 0; }));
}

TEST_F(PcapWriterTest, TheLongestFrameIsCapturedWhole) {
  writer->append(make_frame(memory, ethernet(station(1), station(2), 7, kLargestRoomBytes)), 0);
  writer->flush();
  EXPECT_EQ(file().size(), 24u + 16 + kLargestRoomBytes);
  EXPECT_LE(kLargestRoomBytes, kPcapSnapBytes);
}

TEST_F(PcapWriterTest, TheLastRecordsCanBeTakenBack) {
  writer->append(make_frame(memory, ethernet(station(1), station(2), 7, 14)), 0);
  const size_t after_one = writer->collected_bytes();
  EXPECT_EQ(after_one, 30u);
  writer->append(make_frame(memory, ethernet(station(1), station(2), 8, 50)), 0);
  writer->take_back_to(after_one);
  EXPECT_EQ(writer->collected_bytes(), after_one);
  writer->flush();
  EXPECT_EQ(writer->collected_bytes(), 0u);
  EXPECT_EQ(file().size(), 24u + 30);
}

TEST_F(PcapWriterTest, WhatWasCollectedIsWrittenAtTheEnd) {
  writer->append(make_frame(memory, ethernet(station(1), station(2), 7, 14)), 0);
  writer.reset();
  EXPECT_EQ(file().size(), 24u + 30);
}

TEST_F(PcapWriterTest, BeginsAFileAnew) {
  writer->append(make_frame(memory, ethernet(station(1), station(2), 7, 14)), 0);
  writer.reset();
  auto again = PcapWriter::create(path);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(file(), header);
}

TEST(PcapWriter, SaysWhyThereIsNoFile) {
  EXPECT_EQ(PcapWriter::create(::testing::TempDir() + "no/such/folder/file.pcap").error(), Errno::kENOENT);
  EXPECT_EQ(PcapWriter::create(::testing::TempDir()).error(), Errno::kEIO);
}

#ifdef __linux__
TEST(PcapWriter, AFullDiskEndsTheCaptureAndNothingElse) {
  Memory memory;
  auto full = PcapWriter::create("/dev/full");
  ASSERT_TRUE(full.ok());
  EXPECT_TRUE((*full)->has_failed());
  (*full)->append(make_frame(memory, ethernet(station(1), station(2), 7, 14)), 0);
  EXPECT_EQ((*full)->collected_bytes(), 0u);
  (*full)->take_back_to(0);
  (*full)->flush();
  EXPECT_TRUE((*full)->has_failed());
}
#endif

}  // namespace
}  // namespace demi
