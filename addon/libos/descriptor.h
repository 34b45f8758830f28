// QDesc: a queue descriptor as the application sees it. It names a queue of one libOS and is never used again once it is closed.
#pragma once

#include <compare>
#include <cstdint>

namespace demi {

// slot (20 bits) | generation (20 bits) | libOS (13 bits): 53 bits, so that JavaScript holds it as a safe integer.
// The first libOS of a process is number 0: its descriptors are small integers, which are cheapest in JavaScript.
class QDesc {
 public:
  static constexpr unsigned kSlotBits = 20;
  static constexpr unsigned kGenerationBits = 20;
  static constexpr unsigned kLibOSBits = 13;

  constexpr QDesc() = default;
  constexpr QDesc(uint32_t libos, uint32_t generation, uint32_t slot)
      : bits_((uint64_t{libos} << (kSlotBits + kGenerationBits)) | (uint64_t{generation} << kSlotBits) | slot) {}

  constexpr uint32_t slot() const { return bits_ & ((1u << kSlotBits) - 1); }
  constexpr uint32_t generation() const { return (bits_ >> kSlotBits) & ((1u << kGenerationBits) - 1); }
  constexpr uint64_t bits() const { return bits_; }
  constexpr bool valid() const { return bits_ != 0; }
  constexpr auto operator<=>(const QDesc&) const = default;

 private:
  uint64_t bits_ = 0;  // 0 is no descriptor: generations start at 1
};

}  // namespace demi
