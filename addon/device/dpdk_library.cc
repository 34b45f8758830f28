#include "device/dpdk_library.h"

#ifdef __linux__

#include <dlfcn.h>
#include <unistd.h>

namespace demi {

LoadedDpdk load_dpdk(const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0) {
    return {nullptr, "catnip needs the DPDK plug-in, and there is none at " + path + ": install DPDK (`apt-get install libdpdk-dev pkg-config` on Debian) and run `npx demi build-dpdk`."};
  }
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = ::dlerror();
    return {nullptr, "The DPDK plug-in cannot be loaded: " + std::string(reason == nullptr ? path : reason) +
                         ". Install the DPDK that it was built with (`apt-get install libdpdk-dev` on Debian), or run `npx demi build-dpdk` again."};
  }
  const auto entry = reinterpret_cast<demi_dpdk_entry>(::dlsym(library, DEMI_DPDK_ENTRY));
  const demi_dpdk_plugin* plugin = entry == nullptr ? nullptr : entry();
  if (plugin != nullptr && plugin->abi == DEMI_DPDK_ABI) return {plugin, ""};
  const std::string found = plugin == nullptr ? "it has no " DEMI_DPDK_ENTRY "()" : "its interface is version " + std::to_string(plugin->abi);
  return {nullptr, "The DPDK plug-in " + path + " is not that of this demi-io: " + found + ", and version " + std::to_string(DEMI_DPDK_ABI) +
                       " is wanted. Run `npx demi build-dpdk` again."};
}

std::string start_eal(const demi_dpdk_plugin& plugin, const std::vector<std::string>& arguments, Errno& error) {
  std::vector<const char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
  demi_dpdk_problem problem{};
  error = errno_of(plugin.start(pointers.data(), pointers.size(), &problem));
  return error == Errno::kOk ? "" : problem.text;
}

}  // namespace demi

#endif  // __linux__
