#include "device/dpdk/port.h"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ring.h>

#include "device/dpdk/eal.h"

namespace demi::dpdk {

namespace {

constexpr uint16_t kDescriptors = 1024;
// Drivers that copy, as net_af_packet, insist on room for whatever their own rings hold, and not for the MTU alone.
constexpr uint32_t kRoomFrameBytesMin = 2048;
// XDP_PACKET_HEADROOM: what the kernel leaves free in front of a frame.
constexpr uint32_t kXdpHeadroom = 256;
// A room has 16 bits for its bytes, of which some are headroom and Ethernet.
constexpr uint32_t kMtuMax = 65'000;
// With one VLAN tag.
constexpr uint32_t kEthernetBytes = RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;
constexpr uint64_t kChecksums = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
constexpr uint64_t kCheckedChecksums = RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
// Before the first attempt to get a peer, and between later ones at the most.
constexpr int64_t kFirstPauseNs = 2'000'000;
constexpr int64_t kLongestPauseNs = 256'000'000;
// A port that has begun to speak with its peer is not stopped sooner: EAL's interrupt thread panics at a socket that is closed while it takes note of it
// (eal_intr_thread_main() of 22.11).
constexpr int64_t kHandshakeNs = 300'000'000;
constexpr const char* kCablePrefix = "ring:";

struct Ports {
  std::mutex mutex;
  std::map<uint16_t, std::unique_ptr<Port>> by_id;
  std::map<std::string, uint16_t> cable_ends;
  std::map<uint16_t, std::vector<rte_ring*>> cables;  // by the port of each end: what its queues send into
};

// Never destroyed: the process ends with EAL in it.
Ports& ports() {
  static Ports& all = *new Ports;
  return all;
}

std::string name_of(uint16_t id) {
  char name[RTE_ETH_NAME_MAX_LEN] = "";
  rte_eth_dev_get_name_by_port(id, name);
  return name;
}

std::string list_of_ports() {
  std::string list;
  uint16_t id = 0;
  RTE_ETH_FOREACH_DEV(id) { list += (list.empty() ? "" : ", ") + std::to_string(id) + " '" + name_of(id) + "'"; }
  return list.empty() ? "none: name devices with '-a' or '--vdev' in dpdk.eal" : list;
}

bool is_zero(const uint8_t (&mac)[6]) {
  return std::all_of(std::begin(mac), std::end(mac), [](uint8_t octet) { return octet == 0; });
}

// A cable is two rings for each queue, one for each way; its ends are ports of net_ring. Who unplugs an end empties them, whoever else reads there.
int lay_cable(const std::string& name, uint16_t queues, demi_dpdk_problem* problem) {
  Ports& all = ports();
  std::vector<rte_ring*> ways[2];
  for (int way = 0; way < 2; ++way) {
    for (uint16_t queue = 0; queue < queues; ++queue) {
      const std::string ring = "demi-" + name + "-" + std::to_string(way) + "-" + std::to_string(queue);
      rte_ring* made = rte_ring_create(ring.c_str(), kDescriptors, SOCKET_ID_ANY, RING_F_SP_ENQ);
      if (made == nullptr) return fail(problem, rte_errno, "There is no memory for the rings of '" + std::string(kCablePrefix) + name + "', or its name is too long.");
      ways[way].push_back(made);
    }
  }
  for (int end = 0; end < 2; ++end) {
    const std::string device = name + "-" + std::to_string(end);
    const int id = rte_eth_from_rings(device.c_str(), ways[end].data(), queues, ways[1 - end].data(), queues, SOCKET_ID_ANY);
    if (id < 0) return fail(problem, rte_errno, "DPDK makes no port of rings for '" + std::string(kCablePrefix) + name + "'.");
    all.cable_ends[std::string(kCablePrefix) + name + "/" + std::to_string(end)] = static_cast<uint16_t>(id);
    for (uint16_t queue = 0; queue < queues; ++queue) all.cables[static_cast<uint16_t>(id)].push_back(ways[1 - end][queue]);
  }
  return 0;
}

// The name or the number of a port, or the end of a cable.
int id_of(const demi_dpdk_queue_config& config, uint16_t& id, demi_dpdk_problem* problem) {
  const std::string name = config.port;
  if (name.starts_with(kCablePrefix)) {
    const size_t slash = name.find_last_of('/');
    const std::string end = slash == std::string::npos ? "" : name.substr(slash + 1);
    const size_t prefix = std::strlen(kCablePrefix);
    if ((end != "0" && end != "1") || slash <= prefix) {
      return fail(problem, EINVAL, "'" + name + "' names no end of a cable: they are 'ring:NAME/0' and 'ring:NAME/1'.");
    }
    if (!ports().cable_ends.contains(name)) {
      if (const int failed = lay_cable(name.substr(prefix, slash - prefix), config.queues, problem); failed != 0) return failed;
    }
    id = ports().cable_ends[name];
    return 0;
  }
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id) == 0) return 0;
  char* behind = nullptr;
  const unsigned long number = std::strtoul(name.c_str(), &behind, 10);
  if (!name.empty() && *behind == '\0' && number < RTE_MAX_ETHPORTS && rte_eth_dev_is_valid_port(static_cast<uint16_t>(number)) == 1) {
    id = static_cast<uint16_t>(number);
    return 0;
  }
  const std::string said = take_last_words();
  return fail(problem, ENODEV, "DPDK has no port '" + name + "'. The ports are: " + list_of_ports() + "." + (said.empty() ? "" : " DPDK says: " + said + "."));
}

}  // namespace

Port::Port(uint16_t id, const rte_eth_dev_info& device)
    : id_(id), device_(device), driver_(device.driver_name == nullptr ? "" : device.driver_name), name_(name_of(id)), peer_(memif_peer(name_)) {
  rte_eth_dev_callback_register(
      id_, RTE_ETH_EVENT_INTR_RMV,
      [](uint16_t, rte_eth_event_type, void* port, void*) {
        static_cast<Port*>(port)->is_gone_ = true;
        return 0;
      },
      this);
}

int Port::wrong(demi_dpdk_problem* problem, int error, const std::string& what) const {
  const std::string said = take_last_words();
  const std::string because = said.empty() ? std::strerror(error < 0 ? -error : error) : said;
  return fail(problem, error < 0 ? -error : error, "The port '" + name_ + "' (" + driver_ + ") " + what + ". DPDK says: " + because + ".");
}

bool Port::is_gone() const {
  char name[IF_NAMESIZE];
  return is_gone_ || (lies_on_kernel() && if_indextoname(device_.if_index, name) == nullptr);
}

// --- opening ---

int Port::open(const demi_dpdk_queue_config& config, Queue** queue, demi_dpdk_port_info& info, demi_dpdk_problem* problem) {
  const std::string it = "The port '" + name_ + "' (" + driver_ + ")";
  if (is_gone()) return fail(problem, ENODEV, it + " has been unplugged: start the process anew when it is back.");
  const uint16_t most = std::min(device_.max_rx_queues, device_.max_tx_queues);
  if (config.queues > most) return fail(problem, EINVAL, it + " has " + std::to_string(most) + " queues, and dpdk.queues is " + std::to_string(config.queues) + ".");
  if (config.queue >= config.queues) {
    return fail(problem, EINVAL, "dpdk.queue is " + std::to_string(config.queue) + ": the queues of " + std::to_string(config.queues) + " are 0 to " + std::to_string(config.queues - 1) + ".");
  }
  if (has_open_queues() || (is_started_ && shows_pool_to_kernel())) {
    if (config.queues != queues_) {
      return fail(problem, EINVAL, it + " runs with " + std::to_string(queues_) + " queues already, and dpdk.queues is " + std::to_string(config.queues) + ": give all of its libOSes the same number.");
    }
    if (config.mtu != 0 && config.mtu != mtu_) {
      return fail(problem, EINVAL, it + " runs with an MTU of " + std::to_string(mtu_) + " already, and inet.mtu is " + std::to_string(config.mtu) + ": give all of its libOSes the same.");
    }
    if (list_[config.queue]->is_open()) return fail(problem, EBUSY, "Queue " + std::to_string(config.queue) + " of the port '" + name_ + "' has a libOS already: give this one another dpdk.queue.");
  } else if (!is_started_ || config.queues != queues_ || (config.mtu != 0 && config.mtu != mtu_)) {
    if (const int failed = configure(config, problem); failed != 0) return failed;
  }
  Queue& opened = *list_[config.queue];
  opened.open(config);
  // Of a link that was kept: what came for nobody.
  if (!has_open_queues()) discard_received();
  if (const int failed = is_started_ ? 0 : start(problem); failed != 0) {
    opened.close();
    return failed;
  }
  ++open_queues_;
  set_open(opened, true);
  describe(opened, info);
  *queue = &opened;
  return 0;
}

int Port::configure(const demi_dpdk_queue_config& config, demi_dpdk_problem* problem) {
  if (is_started_) stop();
  uint16_t mtu = 0;
  rte_eth_dev_get_mtu(id_, &mtu);
  const uint16_t wanted = config.mtu == 0 ? mtu : config.mtu;
  if (wanted < device_.min_mtu || wanted > std::min<uint32_t>(device_.max_mtu, kMtuMax)) {
    return fail(problem, EINVAL, "The port '" + name_ + "' (" + driver_ + ") takes an MTU of " + std::to_string(device_.min_mtu) + " to " +
                                     std::to_string(std::min<uint32_t>(device_.max_mtu, kMtuMax)) + ", and not " + std::to_string(wanted) + ".");
  }
  rte_eth_conf wishes{};
  wishes.rxmode.mtu = wanted;
  offloads_ = device_.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  // net_tap sums in software, and wrongly where a piece has an odd number of bytes and another follows (tap_tx_l4_cksum() of 22.11).
  if ((device_.tx_offload_capa & kChecksums) == kChecksums && driver_ != "net_tap") offloads_ |= kChecksums;
  // Segments have IPv4 headers of their own. A device that does not sum those up passes on what is to be cut, and somebody else does.
  if (offloads_ == (kChecksums | RTE_ETH_TX_OFFLOAD_MULTI_SEGS) && (device_.tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_TSO) != 0) {
    offloads_ |= device_.tx_offload_capa & (RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
  }
  wishes.txmode.offloads = offloads_;
  wishes.rxmode.offloads = (device_.rx_offload_capa & kCheckedChecksums) == kCheckedChecksums ? kCheckedChecksums : 0;
  ask_for_steering(config.queues, wishes);
  if (const int failed = rte_eth_dev_configure(id_, config.queues, config.queues, &wishes); failed != 0) return wrong(problem, failed, "cannot be configured");
  // Some drivers have no MTU: then it is ours to keep.
  if (wanted != mtu) {
    const int failed = rte_eth_dev_set_mtu(id_, wanted);
    if (failed != 0 && failed != -ENOTSUP) return wrong(problem, failed, "does not take an MTU of " + std::to_string(wanted));
  }
  queues_ = config.queues;
  mtu_ = wanted;
  return set_link_up(config, problem);
}

// The device sends each flow to its queue, if it can do that by our key. Whatever it does not, or does otherwise, the queues do among themselves.
void Port::ask_for_steering(uint16_t queues, rte_eth_conf& wishes) {
  static std::array<uint8_t, kFlowKeyBytes> key = flow_key();
  constexpr uint64_t kFlows = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
  constexpr uint8_t kUsualKeyBytes = 40;
  const uint8_t key_bytes = device_.hash_key_size == 0 ? kUsualKeyBytes : device_.hash_key_size;
  const uint64_t flows = device_.flow_type_rss_offloads & kFlows;
  device_steers_ = queues > 1 && flows != 0 && device_.reta_size > 0 && device_.reta_size <= Steering::kEntriesMax && key_bytes <= key.size();
  steering_ = queues > 1 ? std::make_unique<Steering>(queues, device_steers_ ? device_.reta_size : FlowShare().entries) : nullptr;
  if (!device_steers_) return;
  wishes.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
  wishes.rx_adv_conf.rss_conf = {.rss_key = key.data(), .rss_key_len = key_bytes, .rss_hf = flows};
}

void Port::set_open(const Queue& queue, bool is_open) {
  if (steering_ == nullptr) return;
  steering_->set_open(queue.index(), is_open);
  steer();
}

void Port::steer() {
  if (!device_steers_ || !is_running_) return;
  std::array<rte_eth_rss_reta_entry64, Steering::kEntriesMax / RTE_ETH_RETA_GROUP_SIZE> table{};
  for (uint16_t i = 0; i < steering_->entries(); ++i) {
    rte_eth_rss_reta_entry64& group = table[i / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= uint64_t{1} << i % RTE_ETH_RETA_GROUP_SIZE;
    group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = steering_->entry(i);
  }
  rte_eth_dev_rss_reta_update(id_, table.data(), steering_->entries());
  take_last_words();
}

void Port::want_datagrams(const Queue& queue, uint16_t port, bool is_wanted) {
  if (steering_ != nullptr) steering_->set_datagram_port(queue.index(), port, is_wanted);
}

int Port::set_link_up(const demi_dpdk_queue_config& config, demi_dpdk_problem* problem) {
  const int socket = rte_eth_dev_socket_id(id_) < 0 ? SOCKET_ID_ANY : rte_eth_dev_socket_id(id_);
  uint16_t receive_descriptors = kDescriptors;
  uint16_t transmit_descriptors = kDescriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive_descriptors, &transmit_descriptors);
  while (list_.size() < queues_) list_.push_back(std::make_unique<Queue>(*this, id_, static_cast<uint16_t>(list_.size())));
  for (uint16_t i = 0; i < queues_; ++i) {
    Queue& queue = *list_[i];
    const uint32_t rooms = std::max<uint32_t>(config.rooms, 2u * receive_descriptors);
    const bool takes_chains = (offloads_ & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
    const uint32_t frame_bytes = mtu_ + kEthernetBytes + (shows_pool_to_kernel() ? kXdpHeadroom : 0);
    int failed = queue.make_pools(rooms, std::max(frame_bytes, kRoomFrameBytesMin), config.window_bytes_max, socket, takes_chains);
    if (failed != 0) {
      return fail(problem, ENOMEM, "EAL has no memory for " + std::to_string(rooms) + " rooms of " + std::to_string(mtu_) +
                                       " bytes for each queue: give it more with '-m' in dpdk.eal, or hugepages, or lower dpdk.mbufs.");
    }
    failed = queue.share(steering_.get(), socket);
    if (failed != 0) return fail(problem, ENOMEM, "EAL has no memory for what the queues of '" + name_ + "' hand to each other: give it more with '-m' in dpdk.eal.");
    queue.leave_ip_checksums((offloads_ & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0);
    failed = rte_eth_rx_queue_setup(id_, i, receive_descriptors, static_cast<unsigned>(socket), nullptr, shows_pool_to_kernel() ? queue.head_pool() : queue.room_pool());
    if (failed == 0) failed = rte_eth_tx_queue_setup(id_, i, transmit_descriptors, static_cast<unsigned>(socket), nullptr);
    if (failed != 0) return wrong(problem, failed, "cannot set up its queue " + std::to_string(i));
  }
  if (is_zero(config.mac) || is_end_of_kernel()) return 0;
  rte_ether_addr own{};
  rte_eth_macaddr_get(id_, &own);
  rte_ether_addr wanted{};
  std::memcpy(wanted.addr_bytes, config.mac, sizeof config.mac);
  if (rte_is_same_ether_addr(&own, &wanted)) return 0;
  // Who cannot change its address hears everything.
  if (rte_eth_dev_default_mac_addr_set(id_, &wanted) == 0 || rte_eth_promiscuous_enable(id_) == 0) return 0;
  return wrong(problem, EINVAL, "takes no other MAC address than its own: leave inet.mac out");
}

int Port::start(demi_dpdk_problem* problem) {
  const int failed = rte_eth_dev_start(id_);
  // Where a peer is missing, it is tried again.
  if (failed != 0 && !loses_peers()) return wrong(problem, failed, "cannot be started");
  set_running(failed == 0);
  is_started_ = true;
  restart_at_ns_ = 0;
  restart_pause_ns_ = kFirstPauseNs;
  take_last_words();
  return 0;
}

void Port::describe(const Queue& queue, demi_dpdk_port_info& info) const {
  std::snprintf(info.name, sizeof info.name, "%s", name_.c_str());
  std::snprintf(info.driver, sizeof info.driver, "%s", driver_.c_str());
  rte_ether_addr mac{};
  if (!is_end_of_kernel()) rte_eth_macaddr_get(id_, &mac);
  std::memcpy(info.mac, mac.addr_bytes, sizeof info.mac);
  info.mtu = mtu_;
  info.finishes_checksums = (offloads_ & kChecksums) != 0;
  info.cuts_segments = (offloads_ & RTE_ETH_TX_OFFLOAD_TCP_TSO) != 0;
  info.room_bytes = queue.room_bytes();
  info.windows = static_cast<uint32_t>(queue.windows().size());
  info.steers = device_steers_;
  info.interface_index = lies_on_kernel() ? static_cast<int>(device_.if_index) : 0;
  info.steering_entries = steering_ == nullptr ? FlowShare().entries : steering_->entries();
}

// --- closing, and the link ---

bool Port::close(Queue& queue) {
  // Its flows are those of the others from now on, and what still comes for it is taken care of by one of them.
  set_open(queue, false);
  queue.wait_for_pieces();
  drain_cable(queue.index());
  // What came for it without being steered is the caretaker's business, as long as there is one.
  if (--open_queues_ > 0) return queue.close();
  discard_received();
  // A link to a peer is kept for whoever opens next: see kHandshakeNs.
  if (is_started_ && !stays_started()) stop();
  return queue.close();
}

void Port::discard_received() {
  for (uint16_t i = 0; i < queues_; ++i) list_[i]->discard_received();
}

// What waits in the device comes back.
void Port::stop() {
  set_running(false);
  stop_device();
  is_started_ = false;
}

void Port::stop_device() {
  const uint32_t losses = peer_ == nullptr ? 0 : peer_->losses.load();
  rte_eth_dev_stop(id_);
  if (peer_ != nullptr) peer_->handled_losses = losses;
}

// What the other end has not taken by now is lost with the cable.
void Port::drain_cable(uint16_t queue) {
  const auto cable = ports().cables.find(id_);
  if (cable == ports().cables.end()) return;
  void* mbuf = nullptr;
  while (rte_ring_dequeue(cable->second[queue], &mbuf) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
}

void Port::set_running(bool on) {
  is_running_ = on;
  for (auto& queue : list_) queue->set_running(on);
}

void Port::restart() {
  for (auto& queue : list_) queue->lock();
  // One that did not start has nothing to be stopped.
  if (is_running_) stop_device();
  set_running(rte_eth_dev_start(id_) == 0);
  for (auto& queue : list_) {
    queue->count_restart();
    queue->unlock();
  }
}

int Port::tend_link(Queue& queue, int64_t now_ns) {
  if (is_gone_) return DEMI_DPDK_LINK_GONE;
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) != 0) return DEMI_DPDK_LINK_UP;
  const bool is_lost = peer_ != nullptr && peer_->is_lost();
  if (link.link_status == RTE_ETH_LINK_UP && !is_lost) {
    restart_at_ns_ = 0;
    restart_pause_ns_ = kFirstPauseNs;
    return DEMI_DPDK_LINK_UP;
  }
  if (!loses_peers()) return DEMI_DPDK_LINK_DOWN;
  // A peer is on its way, or waited for.
  if (peer_ != nullptr && peer_->is_asking && !is_lost) {
    restart_at_ns_ = 0;
    return DEMI_DPDK_LINK_DOWN;
  }
  // One of its queues sees to it, whichever is the first that is open.
  const auto first = std::find_if(list_.begin(), list_.end(), [](const auto& one) { return one->is_open(); });
  if (first->get() != &queue) return DEMI_DPDK_LINK_DOWN;
  const auto pause = [this] { return is_running_ ? kHandshakeNs + restart_pause_ns_ : restart_pause_ns_; };
  if (restart_at_ns_ == 0) restart_at_ns_ = now_ns + pause();
  if (now_ns >= restart_at_ns_) {
    restart();
    restart_pause_ns_ = std::min(2 * restart_pause_ns_, kLongestPauseNs);
    restart_at_ns_ = now_ns + pause();
  }
  return DEMI_DPDK_LINK_DOWN;
}

// --- the doors ---

// The port stays as it is while this queue is open, and its table is made of atomics.
void want_datagrams(demi_dpdk_queue* queue, uint16_t port, bool is_wanted) {
  auto& wanting = *reinterpret_cast<Queue*>(queue);
  wanting.port().want_datagrams(wanting, port, is_wanted);
}

int open_queue(const demi_dpdk_queue_config* config, demi_dpdk_queue** queue, demi_dpdk_port_info* info, demi_dpdk_problem* problem) {
  Ports& all = ports();
  std::lock_guard lock(all.mutex);
  uint16_t id = 0;
  if (const int failed = id_of(*config, id, problem); failed != 0) return failed;
  std::unique_ptr<Port>& port = all.by_id[id];
  if (port == nullptr) {
    rte_eth_dev_info device{};
    if (const int failed = rte_eth_dev_info_get(id, &device); failed != 0) return fail(problem, -failed, "The port '" + name_of(id) + "' says nothing of itself.");
    port = std::make_unique<Port>(id, device);
  }
  Queue* opened = nullptr;
  const int failed = port->open(*config, &opened, *info, problem);
  *queue = reinterpret_cast<demi_dpdk_queue*>(opened);
  return failed;
}

int close_queue(demi_dpdk_queue* queue) {
  std::lock_guard lock(ports().mutex);
  auto& closed = *reinterpret_cast<Queue*>(queue);
  return closed.port().close(closed) ? 1 : 0;
}

int tend_link(demi_dpdk_queue* queue, int64_t now_ns) {
  auto& tended = *reinterpret_cast<Queue*>(queue);
  // Nobody waits for another thread that opens a queue, which takes its time: then the link is as it was.
  std::unique_lock lock(ports().mutex, std::try_to_lock);
  if (lock) tended.note_link(tended.port().tend_link(tended, now_ns));
  return tended.link();
}

}  // namespace demi::dpdk
