// DpdkQueue and RoomPool: one open queue of a port, shared by the device that uses it and the pool of the rooms that were received from it. It is closed
// when neither is left. All of it belongs to one thread, which is known to EAL while the queue is open.
#pragma once

#ifdef __linux__

#include <memory>
#include <string>

#include "device/dpdk_library.h"
#include "memory/buffer_pool.h"
#include "memory/memory.h"

namespace demi {

class DpdkQueue {
 public:
  struct Opened {
    std::shared_ptr<DpdkQueue> queue;
    Errno error = Errno::kOk;
    std::string problem;
  };
  // `config` without release() and context.
  static Opened open(const demi_dpdk_plugin& plugin, std::shared_ptr<EalMappings> mappings, demi_dpdk_queue_config config);
  DpdkQueue(const DpdkQueue&) = delete;
  DpdkQueue& operator=(const DpdkQueue&) = delete;
  ~DpdkQueue();

  const demi_dpdk_plugin& plugin() const { return plugin_; }
  demi_dpdk_queue* get() const { return queue_; }
  const demi_dpdk_port_info& info() const { return info_; }

 private:
  DpdkQueue(const demi_dpdk_plugin& plugin, std::shared_ptr<EalMappings> mappings) : plugin_(plugin), mappings_(std::move(mappings)) {}

  const demi_dpdk_plugin& plugin_;
  const std::shared_ptr<EalMappings> mappings_;
  demi_dpdk_queue* queue_ = nullptr;
  demi_dpdk_port_info info_{};
};

// The rooms that frames are received into: nobody else allocates them. Each buffer lives in the note of its room.
class RoomPool final : public BufferPool {
 public:
  // Adds the windows to those of `memory`. nullptr when that has no place for them.
  static std::shared_ptr<RoomPool> make(std::shared_ptr<DpdkQueue> queue, Memory& memory);
  ~RoomPool();

  // The buffer of a room that has just been received, with one reference.
  Buffer* take(void* note) {
    auto* buffer = static_cast<Buffer*>(note);
    take_in(*buffer);
    return buffer;
  }
  size_t rooms() const { return rooms_; }

 protected:
  size_t allocate_bulk(Buffer**, size_t) override { return 0; }
  void release_bulk(Buffer** buffers, size_t count) override;

 private:
  explicit RoomPool(std::shared_ptr<DpdkQueue> queue);

  const std::shared_ptr<DpdkQueue> queue_;
  size_t rooms_ = 0;
  uint32_t first_window_ = 0;
};

}  // namespace demi

#endif  // __linux__
