#include "device/pcap_writer.h"

#include <algorithm>
#include <cerrno>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/limits.h"

namespace demi {

namespace {

// draft-ietf-opsawg-pcap 4. All numbers are big-endian, which the magic number tells the reader.
constexpr uint32_t kMagicOfNanoseconds = 0xa1b23c4d;
constexpr uint32_t kVersion = 2 << 16 | 4;
constexpr uint32_t kLinkTypeEthernet = 1;
constexpr int64_t kSecond = 1'000'000'000;

}  // namespace

Result<std::unique_ptr<PcapWriter>> PcapWriter::create(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) {
    if (errno == ENOENT) return Errno::kENOENT;
    return errno == EACCES || errno == EPERM ? Errno::kEACCES : Errno::kEIO;
  }
  // Records are collected here, and once is enough.
  std::setvbuf(file, nullptr, _IONBF, 0);
  return std::unique_ptr<PcapWriter>(new PcapWriter(file));
}

PcapWriter::PcapWriter(std::FILE* file) : file_(file) {
  append_be32(kMagicOfNanoseconds);
  append_be32(kVersion);
  append_be32(0);  // reserved
  append_be32(0);  // reserved
  append_be32(kPcapSnapBytes);
  append_be32(kLinkTypeEthernet);
  flush();
}

PcapWriter::~PcapWriter() {
  flush();
  std::fclose(file_);
}

void PcapWriter::append_be32(uint32_t number) {
  collected_.resize(collected_.size() + sizeof number);
  store_be32(collected_.data() + collected_.size() - sizeof number, number);
}

void PcapWriter::append(const Frame& frame, int64_t unix_nanoseconds) {
  if (has_failed_) return;
  const int64_t time = std::max<int64_t>(unix_nanoseconds, 0);
  const size_t captured = std::min<size_t>(frame.bytes(), kPcapSnapBytes);
  append_be32(static_cast<uint32_t>(time / kSecond));
  append_be32(static_cast<uint32_t>(time % kSecond));
  append_be32(static_cast<uint32_t>(captured));
  append_be32(static_cast<uint32_t>(frame.bytes()));
  collected_.resize(collected_.size() + captured);
  frame.copy_out(MutableBytes(collected_).last(captured));
}

void PcapWriter::take_back_to(size_t collected_bytes) {
  DEMI_ASSERT(has_failed_ || collected_bytes <= collected_.size(), "what was written cannot be taken back");
  collected_.resize(std::min(collected_bytes, collected_.size()));
}

void PcapWriter::flush() {
  if (!collected_.empty() && std::fwrite(collected_.data(), 1, collected_.size(), file_) != collected_.size()) has_failed_ = true;
  collected_.clear();
}

}  // namespace demi
