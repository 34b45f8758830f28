#include "device/dpdk_queue.h"

#ifdef __linux__

#include <new>
#include <utility>

namespace demi {

namespace {
// RTE_PKTMBUF_HEADROOM, in front of what a device receives.
constexpr uint32_t kRoomHeadroom = 128;
static_assert(sizeof(Buffer) <= DEMI_DPDK_NOTE_BYTES);
}  // namespace

DpdkQueue::Opened DpdkQueue::open(const demi_dpdk_plugin& plugin, std::shared_ptr<EalMappings> mappings, demi_dpdk_queue_config config) {
  demi_dpdk_problem problem{};
  if (const int failed = plugin.enter_thread(&problem); failed != 0) return {nullptr, errno_of(failed), problem.text};
  // From here on its end takes the leave of the thread.
  std::shared_ptr<DpdkQueue> opened(new DpdkQueue(plugin, std::move(mappings)));
  config.context = nullptr;
  config.release = [](void*, void* owner) { drop_reference(*static_cast<Buffer*>(owner)); };
  if (const int failed = plugin.open_queue(&config, &opened->queue_, &opened->info_, &problem); failed != 0) {
    opened->queue_ = nullptr;
    return {nullptr, errno_of(failed), problem.text};
  }
  return {std::move(opened), Errno::kOk, ""};
}

DpdkQueue::~DpdkQueue() {
  if (queue_ != nullptr && plugin_.close_queue(queue_) == 0) mappings_->abandon();
  plugin_.leave_thread();
}

std::shared_ptr<RoomPool> RoomPool::make(std::shared_ptr<DpdkQueue> queue, Memory& memory) {
  const demi_dpdk_plugin& plugin = queue->plugin();
  std::shared_ptr<RoomPool> pool(new RoomPool(queue));
  // They stay while the process lives: nobody has to keep them.
  const std::shared_ptr<const void> process(std::shared_ptr<const void>(), &plugin);
  pool->first_window_ = memory.windows().size();
  for (uint32_t i = 0; i < queue->info().windows; ++i) {
    uint8_t* data = nullptr;
    size_t bytes = 0;
    plugin.window(queue->get(), i, &data, &bytes);
    if (!memory.windows().add(Mapping::over(data, bytes, process)).ok()) return nullptr;
  }
  plugin.each_room(
      queue->get(),
      [](void* context, void* note, uint8_t* room, uint32_t window, uint32_t offset) {
        auto& its = *static_cast<RoomPool*>(context);
        ++its.rooms_;
        new (note) Buffer{
            .references = 0,
            .generation = 0,
            .pool = &its,
            .room = room,
            .capacity = its.headroom() + its.room_bytes(),
            .headroom = its.headroom(),
            .window = its.first_window_ + window,
            .window_offset = offset,
            .next_free = nullptr,
        };
      },
      pool.get());
  memory.keep(pool);
  return pool;
}

RoomPool::RoomPool(std::shared_ptr<DpdkQueue> queue)
    : BufferPool(queue->info().room_bytes - kRoomHeadroom, kRoomHeadroom), queue_(std::move(queue)) {}

RoomPool::~RoomPool() { empty_cache(); }

void RoomPool::release_bulk(Buffer** buffers, size_t count) {
  queue_->plugin().give_rooms(queue_->get(), reinterpret_cast<void* const*>(buffers), static_cast<uint32_t>(count));
}

}  // namespace demi

#endif  // __linux__
