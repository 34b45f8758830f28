#include "scripts/script_run.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "scripts/script_host.h"
#include "scripts/script_values.h"

namespace demi {

namespace {

// What * waits for at most.
constexpr Duration kDay = Duration::seconds(24 * 3600);

std::string seconds(Instant time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", static_cast<double>(time.nanoseconds()) * 1e-9);
  return text;
}

std::string peer_mark(int peer) { return peer == 1 ? "" : "@" + std::to_string(peer) + " "; }

class ScriptRun {
 public:
  explicit ScriptRun(const Script& script) : script_(script), host_(script.config) {}

  // What went otherwise first, or nothing.
  std::optional<ScriptError> run() {
    for (const ScriptEvent& event : script_.events) {
      line_ = event.line;
      step(event);
      if (failed_) return error_;
    }
    fail_if_sent_before(Instant::never());
    if (failed_) return error_;
    if (const std::string missing = host_.finish(); !missing.empty()) fail(missing);
    return failed_ ? std::optional(error_) : std::nullopt;
  }

 private:
  struct Span {
    Instant from;
    Instant to;
  };

  void fail(const std::string& message) {
    if (failed_) return;
    failed_ = true;
    error_ = {line_, message};
  }

  Span span_of(const ScriptTime& time) const {
    switch (time.kind) {
      case ScriptTime::Kind::kAny:
        return {previous_, previous_ + kDay};
      case ScriptTime::Kind::kRelative:
        return {previous_ + time.from, previous_ + time.to};
      case ScriptTime::Kind::kAbsolute:
        return {Instant() + time.from, Instant() + time.to};
    }
    return {};
  }

  void step(const ScriptEvent& event) {
    using Kind = ScriptEvent::Kind;
    const Span span = span_of(event.time);
    if (span.from < previous_) return fail("a time before that of the line above");
    if (event.kind == Kind::kExpect || event.kind == Kind::kMayCome) return expect(event, span);
    if (event.time.is_range || event.time.kind == ScriptTime::Kind::kAny) return fail("only what is expected has a choice of times");
    host_.advance_to(span.from);
    previous_ = span.from;
    fail_if_sent_before(span.from);
    if (failed_) return;
    switch (event.kind) {
      case Kind::kInject:
        return host_.inject(event.peer, event.segment);
      case Kind::kIcmp:
        if (!host_.inject_icmp(event.peer, event.icmp)) fail("unsupported ICMP message: " + event.icmp.code);
        return;
      case Kind::kCall:
        return call(event.call);
      case Kind::kAssert:
        return check(event.assertions);
      case Kind::kExpect:
      case Kind::kMayCome:
        return;
    }
  }

  void fail_if_sent_before(Instant time) {
    if (host_.sent().empty() || host_.sent().front().at >= time) return;
    const ScriptHost::Sent& sent = host_.sent().front();
    fail("a segment that nobody expected\n  got: " + seconds(sent.at) + "  " + peer_mark(sent.peer) + sent.segment.to_text());
  }

  // --- what is expected ---

  void expect(const ScriptEvent& event, Span span) {
    const Instant latest = span.to + script_.config.tolerance;
    host_.advance_to(std::max(previous_, host_.now()));
    while (host_.sent().empty()) {
      const Instant due = host_.next_deadline();
      if (due > latest) break;
      host_.advance_to(due);
    }
    const bool may_be_missing = event.kind == ScriptEvent::Kind::kMayCome;
    if (host_.sent().empty()) {
      if (may_be_missing) return;
      return fail("a segment is missing\n  expected:  " + time_text(event, span) + "  " + expected_text(event) +
                  "\n  got:       nothing until " + seconds(latest));
    }
    const ScriptHost::Sent& sent = host_.sent().front();
    const bool is_in_time = sent.at >= span.from + (Duration() - script_.config.tolerance) && sent.at <= latest;
    const std::string got = peer_mark(sent.peer) + sent.segment.to_text_as(event.segment);
    const std::string expected = expected_text(event);
    if (!is_in_time || got != expected) {
      if (may_be_missing) return;
      return fail(side_by_side(time_text(event, span), expected, seconds(sent.at), got, is_in_time));
    }
    if (!sent.text_is_right) return fail("the bytes of the segment are others than were written\n  got: " + got);
    const bool has_choice = event.time.is_range || event.time.kind == ScriptTime::Kind::kAny;
    previous_ = has_choice ? sent.at : span.from;
    host_.sent().pop_front();
  }

  static std::string expected_text(const ScriptEvent& event) { return peer_mark(event.peer) + event.segment.to_text(); }

  static std::string time_text(const ScriptEvent& event, Span span) {
    if (event.time.kind == ScriptTime::Kind::kAny) return "*";
    return seconds(span.from) + (event.time.is_range ? "~" + seconds(span.to) : "");
  }

  static std::string side_by_side(std::string expected_time, const std::string& expected, std::string got_time, const std::string& got,
                                  bool is_in_time) {
    const size_t width = std::max(expected_time.size(), got_time.size());
    expected_time.resize(width, ' ');
    got_time.resize(width, ' ');
    size_t difference = 0;
    if (is_in_time) {
      difference = width + 2;
      for (size_t i = 0; i < std::min(expected.size(), got.size()) && expected[i] == got[i]; ++i) ++difference;
    }
    static const std::string kIndent = "             ";
    return std::string(is_in_time ? "other than expected" : "at another time than expected") + "\n  expected:  " + expected_time + "  " +
           expected + "\n  got:       " + got_time + "  " + got + "\n" + kIndent + std::string(difference, ' ') + "^";
  }

  // --- calls and assertions ---

  void call(const ScriptCall& call) {
    const ScriptHost::CallResult result = host_.call(call);
    if (!result.complaint.empty()) return fail(result.complaint);
    const std::string error = result.error == Errno::kOk ? "" : errno_name(result.error);
    if (result.value == call.result && error == call.error) return;
    fail("another result of " + call.name + "\n  expected: " + std::to_string(call.result) + " " + call.error +
         "\n  got:      " + std::to_string(result.value) + " " + error);
  }

  void check(const std::vector<ScriptAssertion>& assertions) {
    const TcpConnection* connection = host_.last_connection();
    const TcpConnectionInfo info = connection == nullptr ? TcpConnectionInfo() : connection->info();
    for (const ScriptAssertion& assertion : assertions) {
      const std::string wrong = check_assertion(assertion, info, host_.counters());
      if (!wrong.empty()) return fail(wrong);
    }
  }

  const Script& script_;
  ScriptHost host_;
  Instant previous_;
  int line_ = 0;
  bool failed_ = false;
  ScriptError error_;
};

std::string told(std::string_view name, const ScriptError& error) {
  return std::string(name) + ":" + std::to_string(error.line) + ": " + error.message;
}

}  // namespace

std::string run_script(std::string_view name, std::string_view text) {
  Script script;
  if (const std::optional<ScriptError> error = script.parse(text)) return told(name, *error);
  ScriptRun run(script);
  if (const std::optional<ScriptError> error = run.run()) return told(name, *error);
  return "";
}

}  // namespace demi
