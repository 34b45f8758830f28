// Random sequences of calls against plain models of a memory queue and of a connection: what every token comes to is predicted.
// Every failure names its seed. chaos_test.cc has what no model predicts.
#include <algorithm>
#include <deque>

#include "base/random.h"
#include "libos/loopback_tokens.h"

namespace demi {
namespace {

constexpr int kHosts = 2;

// An operation that waits in a line of the model.
struct Waiting {
  enum class Kind { kPush, kPop, kEnd };
  Kind kind;
  int side;
  Token token;
  std::string text;           // push: what is still to be accepted
  uint64_t limit = 0;         // pop
  bool acknowledged = false;  // push until acknowledged
  size_t length = 0;          // push: all of it
};

// What a token has come to and must show: for a pop its text, in quotes.
struct Expected {
  Waiting operation;
  std::string outcome;
};

std::string in_quotes(const std::string& text) { return "'" + text + "'"; }
std::string what_came_of(const Waiting& operation) {
  const bool popped = operation.kind == Waiting::Kind::kPop && operation.token.came_to() == "ok";
  return popped ? in_quotes(operation.token.text()) : operation.token.came_to();
}

// A line of messages or of bytes, with those who wait at either end.
class Model {
 public:
  std::deque<Waiting> readers, writers;
  std::vector<Expected> done;

  virtual ~Model() = default;
  bool ended = false;
  bool discards = false;
  bool end_requested[kHosts] = {};

  // Whatever can go on goes on, as in the libOS after it has settled.
  void advance() {
    for (bool any = true; any;) {
      any = !writers.empty() && advance_writer(writers.front());
      if (any) finish(writers, 0, writers_outcome_);
      if (readers.empty()) continue;
      std::string text;
      const bool served = serve(readers.front(), text, any);
      if (!served && (any || (!ended && !discards))) continue;
      finish(readers, 0, in_quotes(text));
      any = true;
    }
  }
  void finish(std::deque<Waiting>& line, size_t index, const std::string& outcome) {
    done.push_back({line[index], outcome});
    line.erase(line.begin() + static_cast<std::ptrdiff_t>(index));
  }
  virtual void discard() = 0;

 protected:
  // False when it waits on; otherwise writers_outcome_ says how it ended.
  bool advance_writer(Waiting& first) {
    writers_outcome_ = "ok";
    if (first.kind == Waiting::Kind::kEnd) {
      ended = true;
      return true;
    }
    if (ended || refuses_after_discard()) {
      writers_outcome_ = "EPIPE";
      return true;
    }
    return accept(first);
  }
  virtual bool refuses_after_discard() const = 0;
  virtual bool accept(Waiting& push) = 0;
  // True when the pop is done, with `text`; `any` when it has come nearer to that.
  virtual bool serve(const Waiting& pop, std::string& text, bool& any) = 0;

 private:
  std::string writers_outcome_;
};

class QueueModel final : public Model {
 public:
  explicit QueueModel(uint64_t capacity) : capacity_(capacity) {}
  void discard() override {
    discards = true;
    messages_.clear();
  }

 private:
  bool refuses_after_discard() const override { return discards; }
  bool accept(Waiting& push) override {
    const bool room = capacity_ > 0 ? messages_.size() < capacity_ : !readers.empty() && messages_.empty();
    if (room) messages_.push_back(push.text);
    return room;
  }
  bool serve(const Waiting& pop, std::string& text, bool&) override {
    if (messages_.empty()) return false;
    text = messages_.front().substr(0, pop.limit);
    messages_.front().erase(0, text.size());
    if (messages_.front().empty()) messages_.pop_front();
    return true;
  }

  const uint64_t capacity_;
  std::deque<std::string> messages_;
};

// One direction of a connection whose buffers have their least size. How much a pop takes while pushes wait depends on who runs first;
// so the model takes its word for the length, and checks that these are the next bytes and that nothing waits that could go on.
class BytesModel final : public Model {
 public:
  std::string in_flight;
  void discard() override {
    discards = true;
    in_flight.clear();
  }

 private:
  bool refuses_after_discard() const override { return false; }
  bool accept(Waiting& push) override {
    const size_t accepted = discards ? push.text.size() : std::min<size_t>(push.text.size(), 4096 - in_flight.size());
    if (!discards) in_flight += push.text.substr(0, accepted);
    push.text.erase(0, accepted);
    return push.text.empty() && (!push.acknowledged || in_flight.size() <= 2048);
  }
  bool serve(const Waiting& pop, std::string& text, bool& any) override {
    if (in_flight.empty()) return false;
    const size_t length = pop.token.came_to() == "ok" ? pop.token.text().size() : 0;
    const size_t next = std::min({length - taken_.size(), in_flight.size(), static_cast<size_t>(pop.limit)});
    taken_ += in_flight.substr(0, next);
    in_flight.erase(0, next);
    any = any || next > 0;
    if (taken_.size() < length) return false;
    text = std::exchange(taken_, std::string());
    EXPECT_TRUE(!text.empty() && text.size() <= pop.limit) << "an end before the last byte, or more than was asked for";
    return true;
  }

  std::string taken_;  // by the pop at the front
};

class ModelTest : public TokensFixture {
 protected:
  Host& host(int side) { return side == 0 ? a : b; }
  std::string random_text(Random& random, size_t longest) {
    std::string text(1 + random.below(longest), '\0');
    for (char& letter : text) letter = static_cast<char>('a' + random.below(26));
    return text;
  }

  void push(Model& model, int side, QDesc qd, const std::string& text, bool acknowledged) {
    const Token token = host(side).push(qd, text, acknowledged);
    if (model.end_requested[side] || (model.writers.empty() && (model.ended || (model.discards && message_queue_)))) {
      EXPECT_EQ(token.came_to(), "thrown EPIPE");
      return;
    }
    model.writers.push_back({Waiting::Kind::kPush, side, token, text, 0, acknowledged, text.size()});
    check(model);
  }
  void pop(Model& model, int side, QDesc qd, uint64_t limit) {
    model.readers.push_back({Waiting::Kind::kPop, side, host(side).pop(qd, limit), "", limit, false, 0});
    check(model);
  }
  void end(Model& model, int side, QDesc qd) {
    const Token token = host(side).shutdown(qd, ShutdownHow::kWrite);
    model.end_requested[side] = true;
    model.writers.push_back({Waiting::Kind::kEnd, side, token, "", 0, false, 0});
    check(model);
  }
  void discard(Model& model, int side, QDesc qd) {
    EXPECT_EQ(host(side).shutdown(qd, ShutdownHow::kRead).came_to(), "ok");
    model.discard();
    check(model);
  }
  void cancel_one(Model& model, std::deque<Waiting>& line, Random& random) {
    if (line.empty()) return;
    const size_t index = random.below(line.size());
    const Waiting victim = line[index];
    host(victim.side).cancel(victim.token);
    if (victim.kind == Waiting::Kind::kEnd) model.end_requested[victim.side] = false;
    if (victim.kind == Waiting::Kind::kPush) { EXPECT_EQ(victim.token.bytes_accepted(), victim.length - victim.text.size()); }
    model.finish(line, index, "ECANCELED");
    check(model);
  }
  // Of a descriptor that was closed.
  void all_canceled(Model& model, std::deque<Waiting>& line, int side) {
    for (size_t i = line.size(); i-- > 0;) {
      if (line[i].side == side) model.finish(line, i, "ECANCELED");
    }
  }

  void check(Model& model) {
    settle();
    model.advance();
    for (const Expected& expected : model.done) EXPECT_EQ(what_came_of(expected.operation), expected.outcome);
    model.done.clear();
    for (const std::deque<Waiting>* line : {&model.readers, &model.writers}) {
      for (const Waiting& waiting : *line) EXPECT_EQ(waiting.token.came_to(), "pending");
    }
    EXPECT_FALSE(a.libos().has_work());
    EXPECT_FALSE(b.libos().has_work());
  }
  void expect_quiet() {
    settle();
    EXPECT_EQ(a.libos().operations().in_use() + b.libos().operations().in_use(), 0u);
    EXPECT_EQ(memory->buffers_outstanding(), 0u);
    EXPECT_EQ(memory->segments().live(), 0u);
  }

  bool message_queue_ = false;
};

// A pipe that both libOSes have open.
TEST_F(ModelTest, MemoryQueues) {
  message_queue_ = true;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const uint64_t capacity = random.below(4);
    QueueModel model(capacity);
    const QDesc qds[kHosts] = {*a.libos().create_pipe("p", capacity), *b.libos().open_pipe("p")};
    for (int step = 0; step < 100; ++step) {
      const int side = static_cast<int>(random.below(kHosts));
      const uint64_t action = random.below(100);
      if (action < 42) {
        push(model, side, qds[side], random_text(random, 20), random.below(4) == 0);
      } else if (action < 84) {
        pop(model, side, qds[side], random.below(2) == 0 ? 1 + random.below(20) : UINT64_MAX);
      } else if (action < 97) {
        cancel_one(model, random.below(2) == 0 ? model.readers : model.writers, random);
      } else if (action < 99) {
        if (step > 30) end(model, side, qds[side]);
      } else if (step > 60) {
        discard(model, side, qds[side]);
      }
      if (HasFailure()) return;
    }
    for (int side : {0, 1}) {
      EXPECT_EQ(host(side).close(qds[side]).came_to(), "ok");
      all_canceled(model, model.readers, side);
      all_canceled(model, model.writers, side);
      check(model);
    }
    expect_quiet();
    if (HasFailure()) return;
  }
}

// A connection, closed at last by either side with or without a reset.
TEST_F(ModelTest, Connections) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Connection made = established();
    const QDesc qds[kHosts] = {made.client, made.server};
    BytesModel directions[kHosts];  // by the side that sends
    for (int step = 0; step < 100; ++step) {
      const int side = static_cast<int>(random.below(kHosts));
      BytesModel &out = directions[side], &in = directions[1 - side];
      const uint64_t action = random.below(100);
      if (action < 40) {
        push(out, side, qds[side], random_text(random, random.below(3) == 0 ? 9000 : 500), random.below(4) == 0);
      } else if (action < 84) {
        pop(in, side, qds[side], random.below(2) == 0 ? 1 + random.below(3000) : UINT64_MAX);
      } else if (action < 97) {
        if (random.below(2) == 0) cancel_one(in, in.readers, random);
        else cancel_one(out, out.writers, random);
      } else if (action < 99) {
        if (step > 30) end(out, side, qds[side]);
      } else if (step > 60) {
        discard(in, side, qds[side]);
      }
      if (HasFailure()) return;
    }
    const int side = static_cast<int>(random.below(kHosts)), other = 1 - side;
    BytesModel &out = directions[side], &in = directions[other];
    const bool resets = random.below(2) == 0 || (!in.in_flight.empty() && !in.discards);
    if (resets) host(side).linger(qds[side], 0);
    EXPECT_EQ(host(side).close(qds[side]).came_to(), "ok");
    all_canceled(out, out.writers, side);
    all_canceled(in, in.readers, side);
    settle();
    for (BytesModel* model : {&out, &in}) {
      for (const Expected& expected : model->done) EXPECT_EQ(what_came_of(expected.operation), expected.outcome);
    }
    // The other side: what waited to be sent has failed, what was on its way still arrives, and then comes the end.
    bool failed = false;
    for (const Waiting& writer : in.writers) {
      const std::string outcome = writer.token.came_to();
      if (writer.kind == Waiting::Kind::kPush) { EXPECT_TRUE(outcome == "ECONNRESET" || outcome == "EPIPE") << outcome; }
      if (writer.kind == Waiting::Kind::kPush) failed = true;
    }
    for (const Waiting& reader : out.readers) {
      const std::string outcome = what_came_of(reader);
      EXPECT_TRUE(outcome == "ECONNRESET" ? resets || failed : outcome == "''" && !resets) << outcome;
    }
    if (!out.in_flight.empty()) { EXPECT_EQ(host(other).pop(qds[other]).text(), out.in_flight); }
    const std::string last = host(other).pop(qds[other]).text();
    EXPECT_EQ(last, !out.discards && (resets || failed) ? "[ECONNRESET]" : "");
    EXPECT_EQ(host(other).close(qds[other]).came_to(), "ok");
    expect_quiet();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace demi
