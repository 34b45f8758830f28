// The boundary between the addon and its DPDK plug-in: a table of C functions, and the plain types that cross it. The plug-in (the other files of this
// folder, demi_dpdk.so) is the only code that knows DPDK. It is loaded on demand (device/dpdk_library.h) and needs no symbol of the addon, so that
// an addon that was built without DPDK runs with a plug-in that is built later. This header is all that both sides share.
//
// Functions that can fail return 0 or a negative errno, and put a sentence into `problem` that says what was wrong and what to do about it.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Changes with whatever is said here: the two sides work together only if they agree.
#define DEMI_DPDK_ABI 3u
// The name of the function that gives the table.
#define DEMI_DPDK_ENTRY "demi_dpdk_table"

// Bytes beside each room for reception that the addon may write what it likes into; aligned to 8.
#define DEMI_DPDK_NOTE_BYTES 64u
// Packets of one burst.
#define DEMI_DPDK_BURST_MAX 32u
// Payload up to so many bytes is copied behind the head of its packet. That saves what sharing costs: a packet buffer of its own, and the word that it was
// sent. By a cable of rings in one thread (`make -C test/addon copied_payload_bench`, 2026-11-22, 2 virtual CPUs, heads with room for 4096; ns a packet, copied and
// attached): 512 bytes 131 and 152, 1024 bytes 168 and 200, 1440 bytes 189 and 219, 2048 bytes 227 and 239, 4096 bytes 447 and 339. Full segments stay attached
// all the same: a card reads them by itself, and heads are small.
#define DEMI_DPDK_COPIED_BYTES 1024u

#ifdef __cplusplus
extern "C" {
#endif

struct demi_dpdk_problem {
  char text[512];
};

struct demi_dpdk_queue;

struct demi_dpdk_queue_config {
  const char* port;          // its name, its number, or "ring:NAME/0" and "ring:NAME/1", the ends of a cable within this process
  uint16_t queues;           // of the port; all who open one of them say the same number
  uint16_t queue;            // the one to open
  uint16_t mtu;              // 0: the port's own
  uint8_t mac[6];            // 0: the port's own
  uint32_t rooms;            // for what is received, of this queue
  size_t window_bytes_max;   // rooms lie in windows of at most so many bytes
  void* context;             // of release()
  // A piece was sent, and its owner may be given back. Called by demi_dpdk_plugin::transmit() and receive(), and close_queue(), in their thread.
  void (*release)(void* context, void* owner);
};

struct demi_dpdk_port_info {
  char name[64];
  char driver[64];
  uint8_t mac[6];              // 0: it has none that we could have
  uint16_t mtu;
  uint8_t finishes_checksums;  // of TCP and UDP in IPv4, for what is sent
  uint8_t steers;              // sends each flow to its queue by itself; where it does not, the queues do among themselves
  uint16_t steering_entries;   // of the table by which flows are shared out among several queues (base/flow_hash.h)
  uint8_t cuts_segments;       // of TCP over IPv4, of what is sent
  uint32_t room_bytes;         // of each room, its headroom included
  uint32_t windows;            // that the rooms lie in
  int interface_index;         // of the interface of the kernel that a device in software lies on; its driver does not tell of its end. 0: there is none
};

// How a checksum was found.
enum demi_dpdk_verdict { DEMI_DPDK_UNKNOWN = 0, DEMI_DPDK_GOOD = 1, DEMI_DPDK_BAD = 2 };

struct demi_dpdk_received {
  void* note;         // of its room
  uint32_t offset;    // from the beginning of the room
  uint32_t length;
  uint32_t verdict;
};

struct demi_dpdk_piece {
  const uint8_t* data;
  uint32_t length;
  void* owner;        // of bytes that are shared until release(); NULL: they are copied at the call
};

// The first piece has the headers, and is copied.
struct demi_dpdk_packet {
  uint32_t pieces;
  const struct demi_dpdk_piece* first;
  uint16_t checksum_start;   // of TCP or UDP, from the start of the frame; 0: there is none to finish
  uint16_t checksum_offset;  // where it is stored, from there
  uint16_t segment_bytes;    // to be cut into segments of so many bytes of text; 0: it is sent as it is
};

enum demi_dpdk_link { DEMI_DPDK_LINK_DOWN = 0, DEMI_DPDK_LINK_UP = 1, DEMI_DPDK_LINK_GONE = 2 };

struct demi_dpdk_counters {
  uint64_t no_room;          // came, and no room was free
  uint64_t receive_errors;
  uint64_t transmit_errors;
  uint64_t no_buffer;        // could not be sent, for want of a packet buffer
  uint64_t copied_in;        // came in memory of others
  uint64_t not_prepared;     // was not sent: the driver does not take such a packet
  uint64_t link_restarts;    // the port was stopped and started to get its link back
  uint64_t handed_over;      // came to this queue, and was another's
  uint64_t taken_over;       // came to another queue, and was this one's
  uint64_t not_handed_over;  // the other queue had too much to do, or there was no buffer
};

struct demi_dpdk_plugin {
  uint32_t abi;
  // Of DPDK: "DPDK 22.11.11".
  const char* (*version)(void);

  // Starts EAL, once in a process; later only with the same arguments (EEXIST). Any thread; the CPUs that the caller may run on stay as they are.
  int (*start)(const char* const* arguments, size_t count, struct demi_dpdk_problem* problem);
  // Each thread that opens queues is announced first, and takes its leave itself. As often as it likes: it is counted.
  int (*enter_thread)(struct demi_dpdk_problem* problem);
  void (*leave_thread)(void);

  // Memory that devices reach: whole pages; NULL when there is none. Any thread.
  void* (*take_memory)(size_t bytes);
  void (*give_memory)(void* memory, size_t bytes);

  // EINVAL, ENODEV, EBUSY, ENOMEM, ENOTSUP, EIO, ... The queue belongs to the calling thread.
  int (*open_queue)(const struct demi_dpdk_queue_config* config, struct demi_dpdk_queue** queue, struct demi_dpdk_port_info* info,
                    struct demi_dpdk_problem* problem);
  // Waits a little for what is being sent. False: some of it has not come back, and the device may still read that memory, which must not be used any
  // more. All rooms have been given back.
  int (*close_queue)(struct demi_dpdk_queue* queue);
  // The windows of its rooms, and each room with its note. They stay where they are while the process lives.
  void (*window)(const struct demi_dpdk_queue* queue, uint32_t index, uint8_t** data, size_t* bytes);
  void (*each_room)(struct demi_dpdk_queue* queue, void (*visit)(void* context, void* note, uint8_t* room, uint32_t window, uint32_t offset),
                    void* context);

  // At most DEMI_DPDK_BURST_MAX. Each room is the caller's until give_rooms().
  uint32_t (*receive)(struct demi_dpdk_queue* queue, struct demi_dpdk_received* into, uint32_t count);
  void (*give_rooms)(struct demi_dpdk_queue* queue, void* const* notes, uint32_t count);
  // At most DEMI_DPDK_BURST_MAX; returns how many were taken, from the front. Of the others nothing was kept.
  uint32_t (*transmit)(struct demi_dpdk_queue* queue, const struct demi_dpdk_packet* packets, uint32_t count);

  // Datagrams to that UDP port are for this queue from now on, or not any more. Of a port with one queue all are.
  void (*want_datagrams)(struct demi_dpdk_queue* queue, uint16_t port, int is_wanted);
  // Looks after the link: to be called every few milliseconds while nothing comes. Returns a demi_dpdk_link.
  int (*tend_link)(struct demi_dpdk_queue* queue, int64_t now_ns);
  void (*counters)(struct demi_dpdk_queue* queue, struct demi_dpdk_counters* counters);
};

// The function called DEMI_DPDK_ENTRY.
typedef const struct demi_dpdk_plugin* (*demi_dpdk_entry)(void);

#ifdef __cplusplus
}
#endif
