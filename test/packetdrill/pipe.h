// A pipe: two files over the same bytes.
#pragma once

#include <deque>
#include <memory>

#include "file.h"

namespace demi {

// pipe(7): the capacity of a pipe of Linux.
inline constexpr size_t kPipeBytes = 65'536;

struct PipeBytes {
  std::deque<uint8_t> octets;
  bool has_reader = true;
  bool has_writer = true;
  uint64_t activity = 1;  // of both ends

  size_t room() const { return kPipeBytes - octets.size(); }
};

class PipeReader final : public File {
 public:
  PipeReader(VirtualHost& host, std::shared_ptr<PipeBytes> pipe) : File(host, Kind::kPipeReader), pipe_(std::move(pipe)) {}
  ~PipeReader() override { pipe_->has_reader = false; }

  int64_t receive(Call& call, Incoming& in) override;
  int64_t ioctl(unsigned long request, int& value) override;
  short readiness() override;
  uint64_t activity() const override { return pipe_->activity; }
  int64_t close(Call& call) override;

  // For splice(2): waits until there are bytes or no writer any more. 0, or -EAGAIN.
  int64_t wait(Call& call, bool may_wait);
  // The first bytes, at most `limit`, which stay; and what takes them away.
  std::vector<uint8_t> front(size_t limit) const;
  void drop_front(size_t bytes);

 private:
  std::shared_ptr<PipeBytes> pipe_;
};

class PipeWriter final : public File {
 public:
  PipeWriter(VirtualHost& host, std::shared_ptr<PipeBytes> pipe) : File(host, Kind::kPipeWriter), pipe_(std::move(pipe)) {}
  ~PipeWriter() override { pipe_->has_writer = false; }

  int64_t send(Call& call, const Outgoing& out) override;
  short readiness() override;
  uint64_t activity() const override { return pipe_->activity; }
  int64_t close(Call& call) override;

  // For splice(2): waits until there is room or no reader any more. 0, -EAGAIN or -EPIPE.
  int64_t wait(Call& call, bool may_wait);
  size_t room() const { return pipe_->room(); }

 private:
  std::shared_ptr<PipeBytes> pipe_;
};

// splice(2) between a pipe and another file, or two pipes.
int64_t splice(Call& call, File& from, File& to, size_t length, unsigned flags);

}  // namespace demi
