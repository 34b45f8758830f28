#include "libos/queue.h"

#include "libos/libos.h"

namespace demi {

Queue::~Queue() {
  if (awaits_connection_end) libos_.connections().forget(*this);
}

Result<void> Queue::bind(const Endpoint&) { return Errno::kENOTSUP; }
Result<void> Queue::listen(uint32_t) { return Errno::kENOTSUP; }
Result<Endpoint> Queue::local_endpoint() { return Errno::kENOTSUP; }
Result<Endpoint> Queue::peer_endpoint() { return Errno::kENOTSUP; }
Result<void> Queue::set_option(int, int, const OptionValue&) { return Errno::kENOPROTOOPT; }
Result<OptionValue> Queue::get_option(int, int) { return Errno::kENOPROTOOPT; }
Result<void> Queue::set_text_option(int, int, std::string_view) { return Errno::kENOPROTOOPT; }
Result<std::string> Queue::text_option(int, int) { return Errno::kENOPROTOOPT; }
Result<TcpInfo> Queue::tcp_info() { return Errno::kENOPROTOOPT; }

Attempt Queue::try_accept(std::unique_ptr<Queue>&, Completion&) { return Attempt::refused(Errno::kEINVAL); }
Errno Queue::begin_connect(const Endpoint&) { return Errno::kENOTSUP; }
Attempt Queue::try_connect(Completion&) { return Attempt::refused(Errno::kENOTSUP); }
Attempt Queue::try_close(Completion&) { return Attempt::done(); }

void Queue::wake_front(OperationLine& line) {
  Operation* operation = line.front();
  if (operation != nullptr) LibOS::wake(*operation);
}

}  // namespace demi
