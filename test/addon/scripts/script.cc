#include "scripts/script.h"

#include <algorithm>
#include <utility>

#include "scripts/script_directive.h"

namespace demi {

namespace {

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

// Without what follows // or #.
std::string_view without_comment(std::string_view line) {
  const size_t end = std::min(line.find("//"), line.find('#'));
  line = line.substr(0, end);
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) line.remove_suffix(1);
  return line;
}

bool parse_time(TextCursor& cursor, ScriptTime& time, std::string& error) {
  if (cursor.take("*")) {
    time.kind = ScriptTime::Kind::kAny;
    return true;
  }
  const char first = cursor.peek();
  if (first != '+' && std::isdigit(static_cast<unsigned char>(first)) == 0) return true;
  time.kind = cursor.take("+") ? ScriptTime::Kind::kRelative : ScriptTime::Kind::kAbsolute;
  if (!take_seconds(cursor, time.from)) {
    error = "a time is a number of seconds";
    return false;
  }
  time.to = time.from;
  if (cursor.take("...")) {
    error = "unsupported: a call that blocks";
    return false;
  }
  if (!cursor.take("~")) return true;
  time.is_range = true;
  const bool is_relative = cursor.take("+");
  if (is_relative != (time.kind == ScriptTime::Kind::kRelative) || !take_seconds(cursor, time.to) || time.to < time.from) {
    error = "both ends of a range are relative, or none, and the first is not later";
    return false;
  }
  return true;
}

// name(argument, argument) = result ERRNO (comment)
bool parse_call(TextCursor& cursor, ScriptCall& call, std::string& error) {
  call.name = cursor.take_word();
  if (call.name.empty() || !cursor.take("(")) {
    error = "neither a segment nor a call: " + call.name + std::string(cursor.rest());
    return false;
  }
  const std::string_view rest = cursor.rest();
  int depth = 1;
  size_t end = 0;
  std::string argument;
  for (; end < rest.size() && depth > 0; ++end) {
    const char c = rest[end];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') --depth;
    if (depth == 0 || (depth == 1 && c == ',')) {
      call.arguments.push_back(std::exchange(argument, ""));
    } else if (c != ' ') {
      argument += c;
    }
  }
  (void)cursor.take(rest.substr(0, end));
  if (depth != 0 || !cursor.take("=") || !cursor.take_number(call.result)) {
    error = "a call is NAME(ARGUMENTS) = RESULT";
    return false;
  }
  call.error = cursor.take_word();
  std::string comment;
  if (cursor.take("(") && !cursor.take_until(')', comment)) error = "a comment without an end";
  return error.empty();
}

bool parse_assertions(TextCursor& cursor, std::vector<ScriptAssertion>& assertions, std::string& error) {
  while (!cursor.take("}%")) {
    (void)cursor.take_word("assert");
    ScriptAssertion assertion;
    assertion.name = cursor.take_word();
    (void)cursor.peek();
    assertion.comparison = cursor.take_while([](char c) { return c == '=' || c == '!' || c == '<' || c == '>'; });
    (void)cursor.take("-");
    assertion.value = cursor.take_word();
    if (assertion.name.empty() || assertion.comparison.empty() || assertion.value.empty()) {
      error = "an assertion is NAME COMPARISON VALUE: " + std::string(cursor.rest());
      return false;
    }
    (void)cursor.take(";");
    assertions.push_back(assertion);
  }
  return true;
}

bool parse_icmp(TextCursor& cursor, ScriptIcmp& icmp, std::string& error) {
  icmp.code = cursor.take_word("unreachable") ? cursor.take_word() : "";
  if (cursor.take_word("mtu")) (void)cursor.take_number(icmp.mtu);
  if (icmp.code.empty() || !cursor.take("[") || !cursor.take_number(icmp.quoted)) {
    error = "ICMP is 'icmp unreachable CODE [BEGIN:END(LENGTH)]'";
    return false;
  }
  std::string rest;
  return cursor.take_until(']', rest);
}

bool parse_event(TextCursor& cursor, ScriptEvent& event, std::string& error) {
  using Kind = ScriptEvent::Kind;
  if (!parse_time(cursor, event.time, error)) return false;
  if (cursor.take("%{")) {
    event.kind = Kind::kAssert;
    return parse_assertions(cursor, event.assertions, error);
  }
  const bool is_out = cursor.take(">");
  if (!is_out && !cursor.take("<")) {
    event.kind = Kind::kCall;
    return parse_call(cursor, event.call, error);
  }
  event.kind = is_out ? Kind::kExpect : Kind::kInject;
  if (is_out && cursor.take("?")) event.kind = Kind::kMayCome;
  if (cursor.take("@") && (!cursor.take_number(event.peer) || event.peer < 1 || event.peer > 9)) {
    error = "peers are @1 to @9";
    return false;
  }
  if (!is_out && cursor.take_word("icmp")) {
    event.kind = Kind::kIcmp;
    return parse_icmp(cursor, event.icmp, error);
  }
  if (!event.segment.parse(cursor, error)) return false;
  if (event.kind == Kind::kMayCome && !event.segment.is_pure_ack()) {
    error = "only a pure ACK may come or not";
    return false;
  }
  std::vector<uint8_t> encoded;
  for (const ScriptOption& option : event.segment.options) option.encode(encoded, SeqNumber());
  if (encoded.size() % 4 != 0 || encoded.size() > TcpOptions::kBytesMax) {
    error = "options of " + std::to_string(encoded.size()) + " bytes: a multiple of 4 is needed, and 40 at most";
    return false;
  }
  return true;
}

}  // namespace

bool take_seconds(TextCursor& cursor, Duration& out) {
  int64_t whole = 0;
  if (cursor.peek() != '.' && (!cursor.take_number(whole) || whole < 0)) return false;
  int64_t nanoseconds = whole * 1'000'000'000;
  // Two dots and more are what stands between two times.
  const std::string_view rest = cursor.rest();
  if (rest.size() > 1 && rest[0] == '.' && rest[1] != '.') {
    (void)cursor.take(".");
    int64_t unit = 100'000'000;
    for (const char digit : cursor.take_while([](char c) { return c >= '0' && c <= '9'; })) {
      nanoseconds += (digit - '0') * unit;
      unit /= 10;
    }
  }
  out = Duration::nanoseconds(nanoseconds);
  return true;
}

std::optional<ScriptError> Script::parse(std::string_view text) {
  int line_number = 0;
  std::string error;
  while (!text.empty()) {
    const size_t length = text.find('\n');
    std::string line(without_comment(text.substr(0, length)));
    text.remove_prefix(length == std::string_view::npos ? text.size() : length + 1);
    const int first_line = ++line_number;
    // Assertions may go on over several lines.
    while (line.find("%{") != std::string::npos && line.find("}%") == std::string::npos && !text.empty()) {
      const size_t next = text.find('\n');
      line += ' ';
      line += without_comment(text.substr(0, next));
      text.remove_prefix(next == std::string_view::npos ? text.size() : next + 1);
      ++line_number;
    }
    TextCursor cursor(line);
    if (cursor.at_end()) continue;
    if (starts_with(cursor.rest(), "--")) {
      if (!events.empty()) return ScriptError{first_line, "directives come before events"};
      while (cursor.take("--")) {
        const std::string directive = cursor.take_while([](char c) { return std::isspace(static_cast<unsigned char>(c)) == 0; });
        if (!apply_directive(directive, config, error)) return ScriptError{first_line, error};
      }
    } else {
      ScriptEvent& event = events.emplace_back();
      event.line = first_line;
      if (!parse_event(cursor, event, error)) return ScriptError{first_line, error};
    }
    if (!cursor.at_end()) return ScriptError{first_line, "not understood: " + std::string(cursor.rest())};
  }
  if (events.empty()) return ScriptError{line_number, "a script in which nothing happens"};
  return std::nullopt;
}

}  // namespace demi
