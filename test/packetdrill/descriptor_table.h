// DescriptorTable: the tool's descriptors and what they stand for.
#pragma once

#include <memory>
#include <vector>

#include "file.h"

namespace demi {

class DescriptorTable {
 public:
  // Beyond those that the process has itself, so that the two are never taken for each other.
  static constexpr int kFirst = 1000;
  static constexpr size_t kDescriptorsMax = 1024;

  // The lowest that is free; -EMFILE when there is none.
  int add(std::shared_ptr<File> file);
  // nullptr when it is none of ours. Who waits in a file keeps it while another call closes it.
  std::shared_ptr<File> find(int descriptor) const;
  void remove(int descriptor);

 private:
  std::vector<std::shared_ptr<File>> files_;  // by descriptor - kFirst
};

}  // namespace demi
