#include "pipe.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>

namespace demi {

// --- reading ---

int64_t PipeReader::wait(Call& call, bool may_wait) {
  const auto is_ready = [this] { return !pipe_->octets.empty() || !pipe_->has_writer; };
  if (!is_ready() && !may_wait) return -EAGAIN;
  return call.wait(Instant::never(), is_ready) ? 0 : -EAGAIN;
}

std::vector<uint8_t> PipeReader::front(size_t limit) const {
  const auto begin = pipe_->octets.begin();
  return {begin, begin + static_cast<int64_t>(std::min(limit, pipe_->octets.size()))};
}

void PipeReader::drop_front(size_t bytes) {
  const auto begin = pipe_->octets.begin();
  pipe_->octets.erase(begin, begin + static_cast<int64_t>(bytes));
  ++pipe_->activity;
}

int64_t PipeReader::receive(Call& call, Incoming& in) {
  const size_t wanted = bytes_of(in.pieces);
  if (wanted == 0) return 0;
  if (const int64_t error = wait(call, !nonblocking); error != 0) return error;
  const size_t taken = scatter(front(wanted), in.pieces);
  drop_front(taken);
  return static_cast<int64_t>(taken);
}

int64_t PipeReader::ioctl(unsigned long request, int& value) {
  if (request != FIONREAD) return -ENOTTY;
  value = static_cast<int>(pipe_->octets.size());
  return 0;
}

short PipeReader::readiness() {
  const int ready = (pipe_->octets.empty() ? 0 : POLLIN | POLLRDNORM) | (pipe_->has_writer ? 0 : POLLHUP);
  return static_cast<short>(ready);
}

int64_t PipeReader::close(Call&) {
  pipe_->has_reader = false;
  ++pipe_->activity;
  return 0;
}

// --- writing ---

int64_t PipeWriter::wait(Call& call, bool may_wait) {
  const auto is_ready = [this] { return room() > 0 || !pipe_->has_reader; };
  if (!is_ready() && !may_wait) return -EAGAIN;
  if (!call.wait(Instant::never(), is_ready)) return -EAGAIN;
  return pipe_->has_reader ? 0 : -EPIPE;
}

int64_t PipeWriter::send(Call& call, const Outgoing& out) {
  const std::vector<uint8_t> octets = gathered(out.pieces);
  size_t written = 0;
  while (written < octets.size()) {
    if (const int64_t error = wait(call, !nonblocking); error != 0) return written > 0 ? static_cast<int64_t>(written) : error;
    const size_t length = std::min(room(), octets.size() - written);
    const auto from = octets.begin() + static_cast<int64_t>(written);
    pipe_->octets.insert(pipe_->octets.end(), from, from + static_cast<int64_t>(length));
    written += length;
    ++pipe_->activity;
  }
  return static_cast<int64_t>(written);
}

short PipeWriter::readiness() {
  const int ready = (room() > 0 ? POLLOUT | POLLWRNORM : 0) | (pipe_->has_reader ? 0 : POLLERR);
  return static_cast<short>(ready);
}

int64_t PipeWriter::close(Call&) {
  pipe_->has_writer = false;
  ++pipe_->activity;
  return 0;
}

// --- splice(2) ---

namespace {

int64_t splice_from_pipe(Call& call, PipeReader& from, File& to, size_t length, bool may_wait) {
  if (const int64_t error = from.wait(call, may_wait && !from.nonblocking); error != 0) return error;
  std::vector<uint8_t> octets = from.front(length);
  if (octets.empty()) return 0;
  const iovec piece{octets.data(), octets.size()};
  Outgoing out;
  out.pieces = {&piece, 1};
  if (!may_wait && to.is_socket()) out.flags = MSG_DONTWAIT;
  const int64_t sent = to.send(call, out);
  if (sent > 0) from.drop_front(static_cast<size_t>(sent));
  return sent;
}

int64_t splice_to_pipe(Call& call, File& from, PipeWriter& to, size_t length, bool may_wait) {
  if (const int64_t error = to.wait(call, may_wait && !to.nonblocking); error != 0) return error;
  // No more than fits, so that nothing is taken that could not be put down.
  std::vector<uint8_t> octets(std::min(length, to.room()));
  const iovec piece{octets.data(), octets.size()};
  Incoming in;
  in.pieces = {&piece, 1};
  if (!may_wait && from.is_socket()) in.flags = MSG_DONTWAIT;
  const int64_t received = from.receive(call, in);
  if (received <= 0) return received;
  const iovec taken{octets.data(), static_cast<size_t>(received)};
  Outgoing out;
  out.pieces = {&taken, 1};
  return to.send(call, out);
}

}  // namespace

int64_t splice(Call& call, File& from, File& to, size_t length, unsigned flags) {
  if ((flags & ~(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE)) != 0) return -EINVAL;
  if (length == 0) return 0;
  const bool may_wait = (flags & SPLICE_F_NONBLOCK) == 0;
  if (from.kind() == File::Kind::kPipeReader) return splice_from_pipe(call, static_cast<PipeReader&>(from), to, length, may_wait);
  if (to.kind() == File::Kind::kPipeWriter && from.is_socket()) {
    return splice_to_pipe(call, from, static_cast<PipeWriter&>(to), length, may_wait);
  }
  // splice(2): one of the two is a pipe.
  return -EINVAL;
}

}  // namespace demi
