// Eal: the environment abstraction layer of DPDK in a process that is not its own. It is started once, lives until the process ends, and is shared by
// all threads. Every thread that uses it is announced, so that it has a number and with it its caches.
#pragma once

#include <string>
#include <vector>

#include "device/dpdk/dpdk_plugin.h"
#include "device/dpdk/memif_relay.h"

namespace demi::dpdk {

// Puts a sentence there, cut to what fits, and returns the negative of `error`.
int fail(demi_dpdk_problem* problem, int error, const std::string& sentence);

// Any thread. Where the caller runs, and may run, stays as it is.
int start_eal(const std::vector<std::string>& arguments, demi_dpdk_problem* problem);
// What becomes of the peers of a vdev of memif; nullptr: it is no such vdev.
MemifPeer* memif_peer(const std::string& vdev);
int enter_thread(demi_dpdk_problem* problem);
void leave_thread();

// The last lines that DPDK has had to say, in one; empty if there are none. They are forgotten then.
std::string take_last_words();

}  // namespace demi::dpdk
