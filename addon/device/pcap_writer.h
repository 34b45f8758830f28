// PcapWriter: a capture file with nanoseconds, as tcpdump and Wireshark read it (draft-ietf-opsawg-pcap). Records are collected in memory
// and written in large pieces, so capturing costs a copy of each frame and rarely a system call; that one may wait for the disk.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "memory/frame.h"

namespace demi {

class PcapWriter {
 public:
  // Begins the file anew. ENOENT or EACCES as the system says, EIO for whatever else is wrong with the path.
  static Result<std::unique_ptr<PcapWriter>> create(const std::string& path);
  ~PcapWriter();
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  // Collects one record; `unix_nanoseconds` is its time.
  void append(const Frame& frame, int64_t unix_nanoseconds);
  // Bytes that were collected and not yet written, to take the last records back by.
  size_t collected_bytes() const { return collected_.size(); }
  void take_back_to(size_t collected_bytes);
  // Writes what was collected. After a failure (the disk is full) the file stays as it is, and nothing more is captured.
  void flush();
  bool has_failed() const { return has_failed_; }

 private:
  explicit PcapWriter(std::FILE* file);
  void append_be32(uint32_t number);

  std::FILE* file_;
  bool has_failed_ = false;
  std::vector<uint8_t> collected_;
};

}  // namespace demi
