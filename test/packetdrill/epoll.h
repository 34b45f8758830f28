// Epoll and poll: waiting for several files at once.
#pragma once

#include <poll.h>
#include <sys/epoll.h>

#include <vector>

#include "descriptor_table.h"

namespace demi {

// poll(2). `timeout_ms` below zero: for ever.
int64_t poll_files(Call& call, const DescriptorTable& table, std::span<pollfd> entries, int timeout_ms);

class Epoll final : public File {
 public:
  explicit Epoll(VirtualHost& host) : File(host, Kind::kEpoll) {}

  // `file` is what `descriptor` stands for.
  int64_t control(int operation, int descriptor, const std::shared_ptr<File>& file, const epoll_event* event);
  int64_t wait(Call& call, std::span<epoll_event> out, int timeout_ms);
  short readiness() override;

 private:
  struct Item {
    int descriptor;
    std::weak_ptr<File> file;  // closing a file takes it out
    epoll_event event;
    uint64_t told_activity = 0;  // of the file, when it was told last; EPOLLET
    bool is_disabled = false;    // EPOLLONESHOT: it was told
  };

  // What is to be told of it now; 0: nothing.
  static uint32_t events_of(const Item& item);
  void forget_closed();

  std::vector<Item> items_;
};

}  // namespace demi
