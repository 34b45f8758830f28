// Instance: one libOS as JavaScript sees it: its control region (control_layout.h), the SgArrays in JavaScript's hands, and the
// functions that JavaScript calls. Each function validates its arguments, makes one call of the libOS, and converts the result.
// Errors that a caller may see are returned as negative numbers; JavaScript makes the exception, because it knows the arguments.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <napi.h>

#include "binding/control_layout.h"
#include "binding/environment.h"
#include "libos/catnip.h"
#include "libos/catpowder.h"
#include "libos/libos.h"
#include "memory/sga_table.h"
#include "memory/window.h"

namespace demi {

enum class PollMode : uint8_t { kAdaptive = 0, kBusy = 1, kSleep = 2 };

struct InstanceSettings {
  uint32_t queues_limit = 0;
  uint32_t tokens_limit = 0;
  uint32_t connections_limit = 0;
  uint64_t buffer_bytes = 0;
  PollMode poll = PollMode::kAdaptive;
  bool poison = false;
  std::string libos;  // one of those of make_libos() in instance.cc
  std::string loopback_namespace;
  // Of libOSes with a stack, and then of one of them.
  NetosConfig netos;
  CatpowderDevice catpowder;
#ifdef __linux__
  CatnipConfig catnip;
#endif
};

class Instance {
 public:
  // ENOMEM when there is no memory for the control region, ENOTSUP when the platform lacks that libOS, EMFILE; for a configuration
  // that is not possible, or a device that is not to be had, `problem` says more.
  static Result<std::unique_ptr<Instance>> create(Environment& environment, const InstanceSettings& settings, std::string& problem);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  // The object of functions that JavaScript holds.
  Napi::Object make_functions(Napi::Env env, Napi::Function notify);

  // nullptr once it is destroyed. The Instance itself lives as long as its environment: functions may still point to it.
  LibOS* libos() { return libos_.get(); }
  // Of the libOS's wake-up fd; nullptr: there is none.
  uv_poll_t* watch() { return watch_; }
  void destroy();
  // Moves results into the completion ring, as many as there is room for; true if there were any.
  bool publish();
  bool has_published() const { return libos_ != nullptr && published_ != word(control::kConsumed); }
  void flag_attention() {
    if (libos_ != nullptr) word(control::kAttention) = 1;
  }
  // Whether the process is to live on for its sake.
  bool keeps_alive() {
    had_pending_ = has_pending();
    return referenced_ && had_pending_;
  }
  // Whether the driver does well to spin while there is progress.
  bool is_worth_spinning() const { return libos_ != nullptr && libos_->is_worth_spinning(); }
  // Whether its driver never spins.
  bool sleeps() const { return poll_ == PollMode::kSleep; }
  // Whether its driver is to go on spinning, given whether the last progress is so short ago that it is worth it.
  bool wants_spin(bool is_patient);
  // Whether settle() would find nothing to do here: the common case after a call whose operations finished at once.
  bool is_quiet() const {
    if (libos_ == nullptr) return true;
    const bool waits_for_memory = libos_->waits_for_memory();
    return !libos_->has_work() && !libos_->operations().has_done() && has_pending() == had_pending_ &&
           waits_for_memory == (word(control::kMemoryWaits) != 0);
  }
  // Gives back what JavaScript returned since the last call.
  void take_returns() {
    if (libos_ != nullptr && word(control::kReturnCount) != 0) release_returned();
  }
  bool has_idle_staging_room(const std::shared_ptr<Domain>& domain) const {
    return domain_ == domain && staging_ && staging_->references == 1;
  }
  // Tells JavaScript that there are completions. Only from libuv's callbacks.
  void notify();

 private:
  friend class InstanceFunctions;

  Instance(Environment& environment, const InstanceSettings& settings, std::shared_ptr<Mapping> region);
  Errno make_libos(const InstanceSettings& settings, std::string& problem);

  // Whether somebody waits for an operation, or a peer for the rest of what was sent.
  bool has_pending() const { return libos_ != nullptr && (libos_->operations().pending() > 0 || libos_->deliveries() > 0); }
  uint32_t& word(uint32_t index) const { return words_[index]; }
  uint32_t* entry(uint32_t area, uint32_t index) const { return &word(area + index * control::kEntryWords); }

  // --- submissions ---
  void submit_all();
  int32_t submit(uint32_t* entry);
  // Sends what is not to wait for the next turn.
  void flush_if_due();
  Started submit_push(Queue& queue, const uint32_t* entry);
  // The first submission entry describes it; its payload is `source`.
  int32_t submit_bytes(PushSource& source, uint64_t bytes);
  int32_t conclude(const Started& started, uint32_t* entry);
  void write_completion(uint32_t* entry, Completion& completion, OpCode opcode);
  void release_consumed();

  // --- memory ---
  void release_returned();
  bool renew_staging();
  void close_staging();
  Errno take_staged(PushRequest& request, uint32_t offset, uint32_t length);
  // Gives JavaScript an array, which `entry` describes from then on. Returns its id, of which one must be free. All that have no bytes share the id 0
  // and need not be given back: who sees the end of a stream does not think of memory.
  uint32_t hand_over(uint32_t* entry, SgArray&& array);
  // What JavaScript has under an id; nullptr if that is stale, foreign or nonsense.
  SgArray* sga(uint32_t id) { return id == 0 ? &without_bytes_ : sgas_.find(id); }
  void write_sga(uint32_t* entry, uint32_t id, const SgArray& array);

  static Endpoint read_endpoint(const uint32_t* entry);
  static void write_endpoint(uint32_t* entry, const Endpoint& endpoint);

  Environment& environment_;
  const PollMode poll_;
  std::shared_ptr<Mapping> region_;
  uint32_t* const words_;  // the control region, until it is destroyed
  std::shared_ptr<Domain> domain_;
  std::unique_ptr<LibOS> libos_;
  uv_poll_t* watch_ = nullptr;  // wakes the event loop for libos_
  SgaTable sgas_;
  SgArray without_bytes_;  // what the id 0 stands for
  BufferRef staging_;
  Napi::FunctionReference notify_;
  bool referenced_ = true;
  bool had_pending_ = false;  // when keeps_alive() was asked last
  uint32_t published_ = 0;  // as in the control region, which JavaScript could overwrite
  uint32_t released_ = 0;   // completions whose operations were given back
  std::unique_ptr<Operation*[]> ring_operations_;  // whose results are in the ring
};

}  // namespace demi
