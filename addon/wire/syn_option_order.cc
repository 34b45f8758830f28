#include "wire/syn_option_order.h"

#include <algorithm>

namespace demi {

size_t SynOptionOrder::bytes_of(SynOption option) {
  switch (option) {
    case SynOption::kNoOperation:
      return 1;
    case SynOption::kMaximumSegmentSize:
      return 4;
    case SynOption::kWindowScale:
      return 3;
    case SynOption::kSackPermitted:
      return 2;
    case SynOption::kTimestamps:
      return 10;
  }
  return 0;
}

bool SynOptionOrder::append(SynOption option) {
  const size_t bytes = bytes_ + bytes_of(option);
  if (bytes > options_.size()) return false;
  options_[count_++] = option;
  bytes_ = static_cast<uint8_t>(bytes);
  return true;
}

bool SynOptionOrder::has(SynOption option) const { return std::find(begin(), end(), option) != end(); }

}  // namespace demi
