#include "file.h"

#include <algorithm>
#include <cstring>

namespace demi {

size_t bytes_of(Pieces pieces) {
  size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  return bytes;
}

std::vector<uint8_t> gathered(Pieces pieces) {
  std::vector<uint8_t> octets;
  octets.reserve(bytes_of(pieces));
  for (const iovec& piece : pieces) {
    const auto* from = static_cast<const uint8_t*>(piece.iov_base);
    octets.insert(octets.end(), from, from + piece.iov_len);
  }
  return octets;
}

size_t scatter(Bytes from, Pieces pieces) {
  size_t copied = 0;
  for (const iovec& piece : pieces) {
    const size_t length = std::min(piece.iov_len, from.size() - copied);
    if (length > 0) std::memcpy(piece.iov_base, from.data() + copied, length);
    copied += length;
  }
  return copied;
}

}  // namespace demi
