#include "descriptor_table.h"

#include <algorithm>
#include <utility>

namespace demi {

int DescriptorTable::add(std::shared_ptr<File> file) {
  const auto free = std::find(files_.begin(), files_.end(), nullptr);
  const auto index = static_cast<size_t>(free - files_.begin());
  if (index == kDescriptorsMax) return -EMFILE;
  if (free == files_.end()) {
    files_.push_back(std::move(file));
  } else {
    *free = std::move(file);
  }
  return kFirst + static_cast<int>(index);
}

std::shared_ptr<File> DescriptorTable::find(int descriptor) const {
  const auto index = static_cast<size_t>(descriptor - kFirst);
  return descriptor >= kFirst && index < files_.size() ? files_[index] : nullptr;
}

void DescriptorTable::remove(int descriptor) { files_[static_cast<size_t>(descriptor - kFirst)].reset(); }

}  // namespace demi
