#include "base/errno.h"

namespace demi {

namespace {
struct Entry {
  int32_t number;
  const char* name;
};
// A table and not a switch: ENOTSUP and EOPNOTSUPP share a number, and the later name is the one we report.
constexpr Entry kEntries[] = {
#define DEMI_ERRNO_ENTRY(name, number) {number, #name},
    DEMI_ERRNO_LIST(DEMI_ERRNO_ENTRY)
#undef DEMI_ERRNO_ENTRY
};
}  // namespace

const char* errno_name(Errno error) {
  if (error == Errno::kOk) return "OK";
  const char* found = "EUNKNOWN";
  for (const Entry& entry : kEntries) {
    if (entry.number == static_cast<int32_t>(error)) found = entry.name;
  }
  return found;
}

}  // namespace demi
