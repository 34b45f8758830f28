#include "epoll.h"

#include <algorithm>

namespace demi {

namespace {

Instant deadline_of(Instant now, int timeout_ms) {
  return timeout_ms < 0 ? Instant::never() : now + Duration::milliseconds(timeout_ms);
}

int count_ready(const DescriptorTable& table, std::span<pollfd> entries) {
  int ready = 0;
  for (pollfd& entry : entries) {
    entry.revents = 0;
    if (entry.fd < 0) continue;
    const std::shared_ptr<File> file = table.find(entry.fd);
    const int holds = file == nullptr ? POLLNVAL : file->readiness();
    entry.revents = static_cast<short>(holds & (entry.events | POLLERR | POLLHUP | POLLNVAL));
    ready += entry.revents != 0;
  }
  return ready;
}

}  // namespace

int64_t poll_files(Call& call, const DescriptorTable& table, std::span<pollfd> entries, int timeout_ms) {
  call.wait(deadline_of(call.host().now(), timeout_ms), [&] { return count_ready(table, entries) > 0; });
  return count_ready(table, entries);
}

// EPOLLIN and the others have the numbers of POLLIN and the others.
static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR && EPOLLHUP == POLLHUP && EPOLLRDHUP == POLLRDHUP);

uint32_t Epoll::events_of(const Item& item) {
  const std::shared_ptr<File> file = item.file.lock();
  if (file == nullptr || item.is_disabled) return 0;
  if ((item.event.events & EPOLLET) != 0 && file->activity() == item.told_activity) return 0;
  return static_cast<uint32_t>(static_cast<uint16_t>(file->readiness())) & (item.event.events | EPOLLERR | EPOLLHUP);
}

void Epoll::forget_closed() {
  std::erase_if(items_, [](const Item& item) { return item.file.expired(); });
}

int64_t Epoll::control(int operation, int descriptor, const std::shared_ptr<File>& file, const epoll_event* event) {
  if (file == nullptr) return -EBADF;
  if (file.get() == this) return -EINVAL;
  forget_closed();
  const auto item = std::find_if(items_.begin(), items_.end(), [&](const Item& one) { return one.file.lock() == file; });
  if (operation != EPOLL_CTL_DEL && event == nullptr) return -EFAULT;
  switch (operation) {
    case EPOLL_CTL_ADD:
      if (item != items_.end()) return -EEXIST;
      items_.push_back({descriptor, file, *event});
      return 0;
    case EPOLL_CTL_MOD:
      if (item == items_.end()) return -ENOENT;
      *item = {descriptor, file, *event};
      return 0;
    case EPOLL_CTL_DEL:
      if (item == items_.end()) return -ENOENT;
      items_.erase(item);
      return 0;
    default:
      return -EINVAL;
  }
}

int64_t Epoll::wait(Call& call, std::span<epoll_event> out, int timeout_ms) {
  if (out.empty()) return -EINVAL;
  const auto is_ready = [this] { return std::any_of(items_.begin(), items_.end(), [](const Item& item) { return events_of(item) != 0; }); };
  call.wait(deadline_of(now(), timeout_ms), is_ready);
  forget_closed();
  size_t told = 0;
  for (Item& item : items_) {
    const uint32_t events = events_of(item);
    if (events == 0) continue;
    if (told == out.size()) break;
    out[told].events = events;
    out[told].data = item.event.data;
    ++told;
    item.told_activity = item.file.lock()->activity();
    item.is_disabled = (item.event.events & EPOLLONESHOT) != 0;
  }
  return static_cast<int64_t>(told);
}

short Epoll::readiness() {
  return std::any_of(items_.begin(), items_.end(), [](const Item& item) { return events_of(item) != 0; }) ? POLLIN | POLLRDNORM : 0;
}

}  // namespace demi
