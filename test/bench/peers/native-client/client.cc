// The client of a benchmark, in C++ on catnip without JavaScript: it loads a server with the least that a client of our own can do for a message. It
// warms up, says {"began":true}, measures, and prints what it found; see ../load.h.
//
//   client rate|connect port=N to=ADDRESS from=ADDRESS,... plugin=FILE device=PORT eal=ARGUMENTS ms=N warm=N [bytes=64] [connections=1] [outstanding=1]
//                       [msl=SECONDS]
//
// rate has so many messages outstanding on each connection and pushes what has come back; connect makes a new connection for each message. ARGUMENTS are
// separated by spaces. The connections take the addresses of the client in turns; their networks have 24 bits.

#include <arpa/inet.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../load.h"
#include "base/clock.h"
#include "libos/catnip.h"

namespace {

using namespace demi;

// Connections that are being opened at the same time.
constexpr size_t kOpening = 128;
constexpr uint64_t kBufferBytes = uint64_t{1} << 30;

[[noreturn]] void refuse(const std::string& what) {
  std::fprintf(stderr, "native client: %s\n", what.c_str());
  std::exit(1);
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(at), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

Endpoint endpoint_of(const std::string& address, uint16_t port) {
  in_addr parsed;
  if (inet_pton(AF_INET, address.c_str(), &parsed) != 1) refuse(address + " is no IPv4 address");
  Endpoint endpoint = Endpoint::wildcard(Family::kIPv4, port);
  endpoint.words[0] = ntohl(parsed.s_addr);
  return endpoint;
}

struct Arguments {
  Arguments(int argc, char** argv)
      : workload(argv[1]),
        bytes(static_cast<uint64_t>(number_argument(argc, argv, "bytes", 64))),
        connections(static_cast<size_t>(number_argument(argc, argv, "connections", 1))),
        outstanding(static_cast<uint64_t>(number_argument(argc, argv, "outstanding", 1))),
        server(endpoint_of(argument(argc, argv, "to", ""), static_cast<uint16_t>(number_argument(argc, argv, "port", 0)))),
        msl(Duration::seconds(number_argument(argc, argv, "msl", 60))) {
    for (const std::string& address : split(argument(argc, argv, "from", ""), ',')) sources.push_back(endpoint_of(address, 0));
    if (sources.empty()) refuse("from= names no address");
    catnip.plugin_file = argument(argc, argv, "plugin", "");
    catnip.eal = split(argument(argc, argv, "eal", ""), ' ');
    catnip.device.port = argument(argc, argv, "device", "");
  }

  const std::string workload;
  const uint64_t bytes;
  const size_t connections;
  const uint64_t outstanding;
  const Endpoint server;
  const Duration msl;
  std::vector<Endpoint> sources;
  CatnipConfig catnip;
};

// A libOS and what it needs.
class Ground {
 public:
  explicit Ground(const Arguments& arguments) : descriptors_(2 * arguments.connections + 1024) {
    const CatnipGround ground = prepare_catnip(arguments.catnip);
    if (ground.plugin == nullptr) refuse(ground.problem);
    LibOSSettings settings;
    settings.descriptors = descriptors_;
    settings.tokens_limit = static_cast<uint32_t>(2 * descriptors_.size());
    settings.memory = std::make_shared<Memory>(MemoryConfig{.limit_bytes = kBufferBytes, .source = ground.mappings});
    settings.clock = &clock;
    NetosConfig config;
    config.stack.mtu_bytes = 0;
    config.stack.tcp.msl = arguments.msl;
    for (const Endpoint& source : arguments.sources) {
      config.stack.addresses.emplace_back(IpAddress{Family::kIPv4, source.words}, 24);
    }
    Errno error = Errno::kOk;
    MadeNetos made = make_catnip(settings, config, arguments.catnip, ground, error);
    if (made.libos == nullptr) refuse(made.problem);
    os = std::move(made.libos);
  }

  MonotonicClock clock;

 private:
  std::vector<double> descriptors_;

 public:
  std::unique_ptr<Netos> os;
};

struct Connection {
  Queue* queue = nullptr;
  bool is_connected = false;
  uint64_t received = 0;          // bytes of a message that has come in part
  std::vector<int64_t> sent_at;   // of the messages that are outstanding, or when the connection was begun: a ring
  size_t oldest = 0;
};

class Client {
 public:
  Client(const Arguments& arguments, Ground& ground)
      : arguments_(arguments),
        clock_(ground.clock),
        os_(*ground.os),
        payload_(arguments.bytes * arguments.outstanding),
        connections_(arguments.connections),
        is_rate_(arguments.workload == "rate") {
    for (Connection& connection : connections_) connection.sent_at.resize(arguments.outstanding);
  }

  void run() {
    const size_t opening = is_rate_ ? std::min(kOpening, connections_.size()) : connections_.size();
    for (now_ = clock_.now(); next_ < opening; ++next_) open(next_);
    while (goes_) {
      now_ = clock_.now();
      os_.turn(now_);
      while (Operation* operation = os_.take_done()) {
        finished(*operation);
        os_.release(*operation);
        if (os_.must_flush()) os_.flush(clock_.now());
      }
    }
  }

 private:
  int64_t now() const { return now_.nanoseconds(); }

  void open(size_t n) {
    Connection& connection = connections_[n];
    Result<QDesc> made = os_.socket(Family::kIPv4, SOCK_STREAM, 0);
    if (!made.ok()) refuse("no socket");
    connection.queue = os_.queues().at(made->slot());
    connection.received = 0;
    const Endpoint& source = arguments_.sources[opened_++ % arguments_.sources.size()];
    if (!connection.queue->bind(source).ok()) refuse("no port is free");
    connection.sent_at.assign(connection.sent_at.size(), now());
    wait_for(n, os_.connect(*connection.queue, arguments_.server));
  }

  // An operation of the n-th connection, which takes its time.
  void wait_for(size_t n, const Started& started) {
    if (started.state != Started::State::kPending) refuse("connect was refused with errno " + std::to_string(static_cast<int>(started.error)));
    remember(n, *started.operation);
  }
  void remember(size_t n, const Operation& operation) {
    if (owners_.size() <= operation.slot) owners_.resize(operation.slot + 1);
    owners_[operation.slot] = n;
  }

  void finished(Operation& operation) {
    // Those of who has gone on already.
    if (operation.opcode == OpCode::kClose || operation.opcode == OpCode::kPush) return;
    const size_t n = owners_[operation.slot];
    if (operation.completion->error != Errno::kOk) {
      refuse("operation " + std::to_string(static_cast<int>(operation.opcode)) + " failed with errno " +
             std::to_string(static_cast<int>(operation.completion->error)));
    }
    if (operation.opcode == OpCode::kConnect) {
      connected(n);
    } else {
      take(n, std::move(operation.completion->sga));
    }
    pop(n);
  }

  void connected(size_t n) {
    Connection& connection = connections_[n];
    connection.is_connected = true;
    if (is_rate_) connection.sent_at.assign(connection.sent_at.size(), now());
    SgArray first = os_.memory().make_array();
    if (!os_.memory().copy_whole(payload_, first)) refuse("no memory for a message");
    push(n, std::move(first));
    if (is_rate_ && next_ < connections_.size()) open(next_++);
  }

  void push(size_t n, SgArray&& data) {
    PushRequest request;
    request.total_bytes = data.bytes();
    request.data = std::move(data);
    const Started started = os_.push(*connections_[n].queue, request);
    if (started.state == Started::State::kRefused) refuse("push was refused with errno " + std::to_string(static_cast<int>(started.error)));
  }

  // Until there is nothing, or the connection is over.
  void pop(size_t n) {
    while (goes_ && connections_[n].is_connected) {
      const Started started = os_.pop(*connections_[n].queue, UINT64_MAX);
      if (started.state == Started::State::kRefused) refuse("pop was refused");
      if (started.state == Started::State::kPending) return remember(n, *started.operation);
      take(n, std::move(os_.immediate().sga));
    }
  }

  void take(size_t n, SgArray&& text) {
    if (text.empty()) refuse("the server has closed a connection");
    Connection& connection = connections_[n];
    connection.received += text.bytes();
    load.bytes += text.bytes();
    if (!is_rate_) {
      if (connection.received >= arguments_.bytes) begin_again(n);
      return;
    }
    for (; connection.received >= arguments_.bytes; connection.received -= arguments_.bytes) {
      int64_t& sent_at = connection.sent_at[connection.oldest];
      if (record(sent_at, now()) == 0) goes_ = false;
      sent_at = now();
      if (++connection.oldest == connection.sent_at.size()) connection.oldest = 0;
    }
    push(n, std::move(text));
  }

  void begin_again(size_t n) {
    Connection& connection = connections_[n];
    connection.is_connected = false;
    os_.close(*connection.queue);
    if (record(connection.sent_at[0], now()) == 0) goes_ = false;
    if (goes_) open(n);
  }

  const Arguments& arguments_;
  Clock& clock_;
  Netos& os_;
  const std::vector<uint8_t> payload_;
  std::vector<Connection> connections_;
  const bool is_rate_;
  std::vector<size_t> owners_;   // of the operations that are on their way, by slot
  size_t next_ = 0;              // connection that rate opens next
  size_t opened_ = 0;
  Instant now_;
  bool goes_ = true;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || !(is(argv[1], "rate") || is(argv[1], "connect"))) refuse("the workload must be rate or connect");
  const Arguments arguments(argc, argv);
  Ground ground(arguments);
  begin_load(argc, argv);
  Client(arguments, ground).run();
  report();
  return 0;
}
