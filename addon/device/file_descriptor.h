// FileDescriptor: a descriptor of the kernel that is closed when nobody has it any more.
#pragma once

#include <unistd.h>

#include <utility>

namespace demi {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  // Takes it over; negative: there is none.
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace demi
