#include "scripts/script_segment.h"

#include <cstdio>
#include <utility>

namespace demi {

namespace {

// The kinds on the wire: RFC 9293 3.2, RFC 7323, RFC 2018.
constexpr uint8_t kKindMss = 2;
constexpr uint8_t kKindWscale = 3;
constexpr uint8_t kKindSackOk = 4;
constexpr uint8_t kKindSack = 5;
constexpr uint8_t kKindTimestamps = 8;

constexpr std::pair<char, uint16_t> kFlagLetters[] = {
    {'S', TcpFlags::kSyn}, {'F', TcpFlags::kFin}, {'R', TcpFlags::kRst}, {'P', TcpFlags::kPsh},
    {'.', TcpFlags::kAck}, {'U', TcpFlags::kUrg}, {'E', TcpFlags::kEce}, {'W', TcpFlags::kCwr},
};

void put16(std::vector<uint8_t>& into, uint32_t value) {
  into.push_back(static_cast<uint8_t>(value >> 8));
  into.push_back(static_cast<uint8_t>(value));
}
void put32(std::vector<uint8_t>& into, uint32_t value) {
  put16(into, value >> 16);
  put16(into, value);
}

bool parse_option(TextCursor& cursor, ScriptOption& option, std::string& error) {
  using Kind = ScriptOption::Kind;
  int64_t number = 0, other = 0;
  if (cursor.take_word("nop")) {
    option.kind = Kind::kNop;
  } else if (cursor.take_word("eol")) {
    option.kind = Kind::kEol;
  } else if (cursor.take_word("sackOK")) {
    option.kind = Kind::kSackOk;
  } else if (cursor.take_word("mss") && cursor.take_number(number)) {
    option = {Kind::kMss, {number}};
  } else if (cursor.take_word("wscale") && cursor.take_number(number)) {
    option = {Kind::kWscale, {number}};
  } else if (cursor.take_word("TS")) {
    if (!cursor.take_word("val") || !cursor.take_number(number) || !cursor.take_word("ecr") || !cursor.take_number(other)) {
      error = "a timestamp is 'TS val NUMBER ecr NUMBER'";
      return false;
    }
    option = {Kind::kTimestamps, {number, other}};
  } else if (cursor.take_word("sack")) {
    option.kind = Kind::kSack;
    while (cursor.take_number(number) && cursor.take(":") && cursor.take_number(other)) {
      option.numbers.push_back(number);
      option.numbers.push_back(other);
    }
    if (option.numbers.empty()) error = "SACK blocks are 'sack BEGIN:END ...'";
    return error.empty();
  } else if (cursor.take_word("bytes")) {
    option.kind = Kind::kBytes;
    for (uint8_t byte = 0; cursor.take_number(byte, 16);) option.numbers.push_back(byte);
  } else {
    error = "unsupported option: " + std::string(cursor.rest());
    return false;
  }
  return true;
}

}  // namespace

std::string ScriptOption::to_text() const {
  const auto number = [this](size_t i) { return std::to_string(numbers[i]); };
  switch (kind) {
    case Kind::kEol: return "eol";
    case Kind::kNop: return "nop";
    case Kind::kSackOk: return "sackOK";
    case Kind::kMss: return "mss " + number(0);
    case Kind::kWscale: return "wscale " + number(0);
    case Kind::kTimestamps: return "TS val " + number(0) + " ecr " + number(1);
    case Kind::kSack: {
      std::string text = "sack";
      for (size_t i = 0; i + 1 < numbers.size(); i += 2) text += " " + number(i) + ":" + number(i + 1);
      return text;
    }
    case Kind::kBytes: {
      std::string text = "bytes";
      char hex[8];
      for (const int64_t byte : numbers) {
        std::snprintf(hex, sizeof hex, " %02x", static_cast<unsigned>(byte));
        text += hex;
      }
      return text;
    }
  }
  return "?";
}

void ScriptOption::encode(std::vector<uint8_t>& into, SeqNumber ack_base) const {
  const auto word = [this](size_t i) { return static_cast<uint32_t>(numbers[i]); };
  const auto head = [&into](uint8_t option_kind, size_t content) {
    into.push_back(option_kind);
    into.push_back(static_cast<uint8_t>(content + 2));
  };
  switch (kind) {
    case Kind::kEol: into.push_back(0); return;
    case Kind::kNop: into.push_back(1); return;
    case Kind::kSackOk: head(kKindSackOk, 0); return;
    case Kind::kMss:
      head(kKindMss, 2);
      put16(into, word(0));
      return;
    case Kind::kWscale:
      head(kKindWscale, 1);
      into.push_back(static_cast<uint8_t>(word(0)));
      return;
    case Kind::kTimestamps:
      head(kKindTimestamps, 8);
      put32(into, word(0));
      put32(into, word(1));
      return;
    case Kind::kSack:
      head(kKindSack, numbers.size() * 4);
      for (size_t i = 0; i < numbers.size(); ++i) put32(into, (ack_base + word(i)).value());
      return;
    case Kind::kBytes:
      for (size_t i = 0; i < numbers.size(); ++i) into.push_back(static_cast<uint8_t>(word(i)));
      return;
  }
}

// --- text ---

bool ScriptSegment::parse(TextCursor& cursor, std::string& error) {
  (void)cursor.peek();
  for (const char letter : cursor.take_while([](char c) { return std::isspace(static_cast<unsigned char>(c)) == 0; })) {
    uint16_t bit = 0;
    for (const auto& [name, flag] : kFlagLetters) {
      if (name == letter) bit = flag;
    }
    flags |= bit;
    if (bit == 0 && letter != '-') {
      error = std::string("unsupported flag: ") + letter;
      return false;
    }
  }
  int64_t length = 0;
  if (!cursor.take_number(begin) || !cursor.take(":") || !cursor.take_number(end) || !cursor.take("(") ||
      !cursor.take_number(length) || !cursor.take(")") || end - begin != length || length < 0) {
    error = "sequence numbers are BEGIN:END(LENGTH)";
    return false;
  }
  int64_t number = 0;
  if (cursor.take_word("ack") && cursor.take_number(number)) ack = number;
  if (cursor.take_word("win") && cursor.take_number(number)) window = static_cast<uint32_t>(number);
  if (cursor.take_word("urg") && cursor.take_number(number)) urgent = static_cast<uint32_t>(number);
  if (ack.has_value() != ((flags & TcpFlags::kAck) != 0)) {
    error = "'ack NUMBER' and the flag '.' belong together";
    return false;
  }
  if (!cursor.take("<")) return true;
  if (cursor.take("...")) {
    any_options = true;
  } else if (cursor.peek() != '>') {
    do {
      if (!parse_option(cursor, options.emplace_back(), error)) return false;
    } while (cursor.take(","));
  }
  if (cursor.take(">")) return true;
  error = "options end with '>'";
  return false;
}

std::string ScriptSegment::to_text() const {
  std::string text;
  for (const auto& [letter, flag] : kFlagLetters) {
    if ((flags & flag) != 0 && letter != '.') text += letter;
  }
  if ((flags & TcpFlags::kAck) != 0) text += '.';
  if (text.empty()) text = "-";
  text += " " + std::to_string(begin) + ":" + std::to_string(end) + "(" + std::to_string(end - begin) + ")";
  if (ack) text += " ack " + std::to_string(*ack);
  if (window) text += " win " + std::to_string(*window);
  if (urgent) text += " urg " + std::to_string(*urgent);
  if (any_options) return text + " <...>";
  for (size_t i = 0; i < options.size(); ++i) text += (i == 0 ? " <" : ",") + options[i].to_text();
  return options.empty() ? text : text + ">";
}

std::string ScriptSegment::to_text_as(const ScriptSegment& expected) const {
  ScriptSegment told = *this;
  if (!expected.window) told.window.reset();
  if (!expected.urgent) told.urgent.reset();
  told.any_options = expected.any_options;
  return told.to_text();
}

// --- the wire ---

std::vector<uint8_t> ScriptSegment::encode(uint16_t source_port, uint16_t destination_port, const SegmentBases& bases,
                                           Bytes text) const {
  std::vector<uint8_t> encoded_options;
  for (const ScriptOption& option : options) option.encode(encoded_options, bases.ack);
  const size_t words = (TcpHeader::kBytesMin + encoded_options.size()) / 4;
  std::vector<uint8_t> bytes;
  put16(bytes, source_port);
  put16(bytes, destination_port);
  put32(bytes, (bases.seq + static_cast<uint32_t>(begin)).value());
  put32(bytes, ack ? (bases.ack + static_cast<uint32_t>(*ack)).value() : 0);
  put16(bytes, static_cast<uint32_t>(words << 12) | flags);
  put16(bytes, window.value_or(0));
  put16(bytes, 0);
  put16(bytes, urgent.value_or(0));
  bytes.insert(bytes.end(), encoded_options.begin(), encoded_options.end());
  bytes.insert(bytes.end(), text.begin(), text.end());
  return bytes;
}

ScriptSegment ScriptSegment::decode(Bytes segment, const SegmentBases& bases) {
  using Kind = ScriptOption::Kind;
  ScriptSegment decoded;
  const size_t header_bytes = static_cast<size_t>(segment[12] >> 4) * 4;
  decoded.flags = static_cast<uint16_t>(load_be16(&segment[12]) & TcpFlags::kAll);
  decoded.begin = SeqNumber(load_be32(&segment[4])) - bases.seq;
  decoded.end = decoded.begin + static_cast<int64_t>(segment.size() - header_bytes);
  if ((decoded.flags & TcpFlags::kAck) != 0) decoded.ack = SeqNumber(load_be32(&segment[8])) - bases.ack;
  decoded.window = load_be16(&segment[14]);
  if (load_be16(&segment[18]) != 0) decoded.urgent = load_be16(&segment[18]);
  const auto number32 = [&segment](size_t at) { return int64_t{load_be32(&segment[at])}; };
  const auto place = [&](size_t at) { return int64_t{SeqNumber(load_be32(&segment[at])) - bases.ack}; };
  for (size_t at = TcpHeader::kBytesMin; at < header_bytes;) {
    const uint8_t kind = segment[at];
    if (kind <= 1) {
      decoded.options.push_back({kind == 0 ? Kind::kEol : Kind::kNop, {}});
      ++at;
      continue;
    }
    const size_t length = segment[at + 1];
    ScriptOption& option = decoded.options.emplace_back();
    if (kind == kKindMss) {
      option = {Kind::kMss, {load_be16(&segment[at + 2])}};
    } else if (kind == kKindWscale) {
      option = {Kind::kWscale, {segment[at + 2]}};
    } else if (kind == kKindSackOk) {
      option.kind = Kind::kSackOk;
    } else if (kind == kKindTimestamps) {
      option = {Kind::kTimestamps, {number32(at + 2), number32(at + 6)}};
    } else if (kind == kKindSack) {
      option.kind = Kind::kSack;
      for (size_t number = at + 2; number < at + length; number += 4) option.numbers.push_back(place(number));
    } else {
      option.kind = Kind::kBytes;
      for (size_t i = at; i < at + length; ++i) option.numbers.push_back(segment[i]);
    }
    at += length;
  }
  return decoded;
}

}  // namespace demi
