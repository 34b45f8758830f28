// NetworkInterface: an interface of the kernel, found by its name in the network namespace of the calling thread, and what a device on it has
// to know. Every call asks the kernel: none belongs on the path of frames.
#pragma once

#ifdef __linux__

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "device/device.h"
#include "device/file_descriptor.h"

namespace demi {

class NetworkInterface {
 public:
  // ENODEV when there is none of that name; EMFILE, or what else the kernel says when it gives no socket to ask by.
  static Result<NetworkInterface> find(const std::string& name);
  // The one with that index.
  static Result<NetworkInterface> find(int index);
  // Whether an interface can be called so.
  static bool is_name(std::string_view name);
  // The interface of this namespace on which the kernel itself has the address, and would answer for it; empty when there is none.
  static std::string of_kernel_address(const IpAddress& address);

  const std::string& name() const { return name_; }
  int index() const { return index_; }
  // Of the kernel's side.
  MacAddress link_address() const { return link_address_; }
  // Whether its frames are those of Ethernet.
  bool is_ethernet() const { return is_ethernet_; }

  // Whether the kernel passes on what comes in by it and is for others. Where that cannot be read, it does not.
  bool forwards() const;
  uint32_t mtu_bytes() const;
  // Whether it takes segments of TCP that are still to be cut (`ethtool -k`: tcp-segmentation-offload). An administrator may change that.
  bool cuts_segments() const;
  // Also under another name by now. An interface that has moved to another namespace is gone.
  LinkState state() const;
  // EPERM without CAP_NET_ADMIN.
  Result<void> bring_up();

 private:
  NetworkInterface(FileDescriptor control, const std::string& name) : control_(std::move(control)), name_(name) {}

  FileDescriptor control_;
  std::string name_;
  int index_ = 0;
  MacAddress link_address_;
  bool is_ethernet_ = false;
};

}  // namespace demi

#endif  // __linux__
