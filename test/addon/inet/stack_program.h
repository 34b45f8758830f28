// StackProgram: plays a tape on a FuzzedStack with sockets in every state: what comes from the network, well-formed and otherwise; what the
// application does; and how time passes. Any bytes are a program.
//
// Each step begins with a byte that says what it is; numbers that follow say the rest. Read wire_program.h first.
#pragma once

#include "inet/fuzzed_stack.h"
#include "inet/stack_states.h"
#include "inet/wire_program.h"
#include "tape.h"

namespace demi {

class StackProgram {
 public:
  static void run(Bytes bytes) {
    Tape tape(bytes);
    StackProgram program(tape);
    program.play();
  }

 private:
  static constexpr int kStepsMax = 200;

  explicit StackProgram(Tape& tape) : tape_(tape), world_(settings_of(tape)), states_(world_), wire_(tape, world_) {}

  static FuzzedStackSettings settings_of(Tape& tape) {
    const uint8_t bits = tape.byte();
    FuzzedStackSettings settings;
    settings.new_reno = (bits & 1) != 0;
    settings.nagle = (bits & 2) == 0;
    settings.header_prediction = (bits & 4) == 0;
    settings.finishes_checksums = (bits & 8) != 0;
    settings.small_mtu = (bits & 16) != 0;
    settings.small_memory = (bits & 32) != 0;
    settings.announces = (bits & 64) != 0;
    settings.closes_politely = (bits & 128) != 0;
    return settings;
  }

  void play() {
    // With all that there is, or with one thing, and many more times in a second.
    const uint8_t which = tape_.byte();
    if (which == 0) {
      states_.build();
    } else {
      states_.build_only(static_cast<uint8_t>((which - 1) % StackStates::kAll));
    }
    for (int steps = 0; steps < kStepsMax && !tape_.at_end(); ++steps) step();
    world_.finish();
  }

  void step() {
    // Frames gather in the burst while this bit is set.
    const uint8_t code = tape_.byte();
    const bool waits = (code & 0x80) != 0;
    const uint8_t kind = code % 32;
    if (kind < WireProgram::kSteps) {
      wire_.step(kind);
      if (!waits) world_.deliver();
    } else {
      world_.deliver();
      act(kind);
    }
  }

  // --- the application, and time ---

  FuzzedStack::Held* held() {
    std::vector<FuzzedStack::Held>& all = world_.held();
    const uint8_t choice = tape_.byte();
    return all.empty() ? nullptr : &all[choice % all.size()];
  }
  uint32_t amount() {
    constexpr uint32_t kChoices[] = {1, 10, 100, 1'000, 1'448, 5'000, 20'000, 70'000};
    return kChoices[tape_.byte() % std::size(kChoices)];
  }
  Duration length() {
    constexpr int64_t kMicroseconds[] = {1,         100,       1'000,      10'000,     40'000,      200'000,       500'000,      1'000'000,
                                         3'000'000, 10'000'000, 30'000'000, 60'000'000, 300'000'000, 1'200'000'000, 7'200'000'000, 86'400'000'000};
    return Duration::microseconds(kMicroseconds[tape_.byte() % std::size(kMicroseconds)]);
  }

  void act(uint8_t what) {
    Stack& stack = world_.stack();
    FuzzedStack::Held* socket = nullptr;
    switch (what) {
      case 14:
        world_.wait(length());
        return;
      case 15: case 16:
        world_.wait_until_due();
        return;
      case 17:
        world_.oversleep(length());
        return;
      case 18: case 19:
        if ((socket = held()) != nullptr) world_.send(*socket, amount());
        break;
      case 20: case 21:
        if ((socket = held()) != nullptr) world_.read(*socket, amount());
        break;
      case 22:
        if ((socket = held()) != nullptr) (void)stack.tcp_shutdown_send(socket->socket, world_.now());
        break;
      case 23: {
        const bool politely = (tape_.byte() & 1) == 0;
        if ((socket = held()) != nullptr) world_.close(*socket, politely);
        break;
      }
      case 24:
        if (!world_.accept(states_.listener)) (void)stack.tcp_set_backlog(states_.listener, tape_.byte());
        break;
      case 25:
        connect();
        break;
      case 26:
        choose_option();
        break;
      case 27:
        send_datagram();
        break;
      case 28:
        read_datagrams();
        break;
      case 29:
        world_.take_memory(tape_.byte());
        break;
      case 30:
        world_.give_memory_back(tape_.byte());
        break;
      default:
        change_sockets();
        break;
    }
    world_.settle();
  }

  // To a host on the link, to nobody, or to ourselves.
  void connect() {
    const uint8_t how = tape_.byte();
    const IpAddress to = wire_.address();
    const InetEndpoint local{IpAddress::unspecified(Family::kIPv4), static_cast<uint16_t>((how & 1) != 0 ? 5'000 + (how >> 4) : 0)};
    const auto port = static_cast<uint16_t>((how & 2) != 0 ? 5'000 + (how >> 4) : FuzzedStack::kPort);
    Result<SocketHandle> socket = world_.stack().tcp_connect(local, {to, port}, world_.now());
    if (socket.ok()) world_.hold(*socket);
  }

  void choose_option() {
    FuzzedStack::Held* socket = held();
    const uint8_t choice = tape_.byte();
    const uint32_t value = amount();
    if (socket == nullptr) return;
    TcpConnection& connection = *world_.stack().tcp_connection(socket->socket);
    switch (choice % 8) {
      case 0: connection.set_nagle((choice & 8) != 0); break;
      case 1: connection.set_send_buffer(value); break;
      case 2: connection.set_receive_buffer(std::min(value, uint32_t{32} << 10)); break;
      case 3: connection.set_congestion((choice & 8) != 0 ? CongestionAlgorithm::kCubic : CongestionAlgorithm::kNewReno); break;
      case 4: connection.set_user_timeout(Duration::milliseconds(value)); break;
      case 5: connection.set_keepalive((choice & 8) == 0, world_.now()); break;
      case 6: connection.set_keepalive_times(Duration::milliseconds(value), Duration::seconds(1), static_cast<uint8_t>(choice >> 4)); break;
      default: connection.shutdown_receive(); break;
    }
    world_.stack().touch(socket->socket);
  }

  SocketHandle datagram_socket() {
    switch (tape_.byte() % 3) {
      case 0: return states_.wildcard;
      case 1: return states_.bound;
      default: return states_.connected;
    }
  }
  // One, or more than can wait to be transmitted.
  void send_datagram() {
    const SocketHandle socket = datagram_socket();
    const IpAddress to = wire_.address();
    const uint32_t bytes = amount();
    const InetEndpoint remote{to, tape_.byte()};
    for (int left = 1 + tape_.byte() * 3; left > 0; --left) {
      Result<SgArray> payload = world_.memory().allocate(bytes);
      if (!payload.ok() || !world_.stack().udp_send(socket, std::move(*payload), remote, world_.now()).ok()) return;
    }
  }
  void read_datagrams() {
    const SocketHandle socket = datagram_socket();
    while (world_.stack().udp_receive(socket).ok()) {
    }
  }

  void change_sockets() {
    Stack& stack = world_.stack();
    const uint8_t choice = tape_.byte();
    switch (choice % 8) {
      case 0:
        stack.abort_orphans(world_.now());
        return;
      case 1: {
        // The listener is gone, and may come again.
        std::erase(world_.others, states_.listener);
        (void)stack.close(states_.listener, world_.now());
        return;
      }
      case 2: {
        Result<SocketHandle> listener = stack.tcp_listen({IpAddress::unspecified(Family::kIPv4), FuzzedStack::kPort}, 1 + choice / 8);
        if (!listener.ok()) return;
        states_.listener = *listener;
        world_.others.push_back(*listener);
        return;
      }
      case 3: {
        std::erase(world_.others, states_.bound);
        (void)stack.close(states_.bound, world_.now());
        return;
      }
      case 4: {
        Result<SocketHandle> socket = stack.udp_bind({IpAddress::unspecified(Family::kIPv4), StackStates::kBoundPort});
        if (!socket.ok()) return;
        states_.bound = *socket;
        world_.others.push_back(*socket);
        return;
      }
      case 5:
        (void)stack.udp_set_receive_buffer(states_.wildcard, amount());
        return;
      case 6:
        (void)stack.udp_take_error(states_.connected);
        return;
      default:
        (void)stack.udp_connect(states_.bound, {wire_.address(), StackStates::kUdpPeerPort});
        return;
    }
  }

  Tape& tape_;
  FuzzedStack world_;
  StackStates states_;
  WireProgram wire_;
};

}  // namespace demi
