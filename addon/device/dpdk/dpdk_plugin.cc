// The table of dpdk_plugin.h: what the addon calls. Each function converts and passes on.
#include "device/dpdk/dpdk_plugin.h"

#include <string>
#include <vector>

#include <rte_version.h>

#include "device/dpdk/eal.h"
#include "device/dpdk/eal_memory.h"
#include "device/dpdk/port.h"
#include "device/dpdk/queue.h"

namespace demi::dpdk {

namespace {

Queue& of(demi_dpdk_queue* queue) { return *reinterpret_cast<Queue*>(queue); }
const Queue& of(const demi_dpdk_queue* queue) { return *reinterpret_cast<const Queue*>(queue); }

int start(const char* const* arguments, size_t count, demi_dpdk_problem* problem) {
  return start_eal(std::vector<std::string>(arguments, arguments + count), problem);
}
void window(const demi_dpdk_queue* queue, uint32_t index, uint8_t** data, size_t* bytes) {
  const Queue::Window& found = of(queue).windows()[index];
  *data = found.data;
  *bytes = found.bytes;
}
void each_room(demi_dpdk_queue* queue, void (*visit)(void*, void*, uint8_t*, uint32_t, uint32_t), void* context) { of(queue).each_room(visit, context); }
uint32_t receive(demi_dpdk_queue* queue, demi_dpdk_received* into, uint32_t count) { return of(queue).receive(into, count); }
void give_rooms(demi_dpdk_queue* queue, void* const* notes, uint32_t count) { of(queue).give_rooms(notes, count); }
uint32_t transmit(demi_dpdk_queue* queue, const demi_dpdk_packet* packets, uint32_t count) { return of(queue).transmit(packets, count); }
void list_counters(demi_dpdk_queue* queue, demi_dpdk_counters* counters) { of(queue).list_counters(*counters); }

constexpr demi_dpdk_plugin kPlugin = {
    .abi = DEMI_DPDK_ABI,
    .version = rte_version,
    .start = start,
    .enter_thread = enter_thread,
    .leave_thread = leave_thread,
    .take_memory = take_memory,
    .give_memory = give_memory,
    .open_queue = open_queue,
    .close_queue = close_queue,
    .window = window,
    .each_room = each_room,
    .receive = receive,
    .give_rooms = give_rooms,
    .transmit = transmit,
    .want_datagrams = [](demi_dpdk_queue* queue, uint16_t port, int is_wanted) { want_datagrams(queue, port, is_wanted != 0); },
    .tend_link = tend_link,
    .counters = list_counters,
};

}  // namespace

}  // namespace demi::dpdk

extern "C" __attribute__((visibility("default"))) const demi_dpdk_plugin* demi_dpdk_table() { return &demi::dpdk::kPlugin; }
