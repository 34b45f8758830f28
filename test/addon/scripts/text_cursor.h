// TextCursor: reads a script from left to right. Spaces between words mean nothing.
#pragma once

#include <cctype>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace demi {

class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  bool at_end() {
    skip_spaces();
    return rest_.empty();
  }
  // The next character, 0 at the end.
  char peek() {
    skip_spaces();
    return rest_.empty() ? '\0' : rest_[0];
  }
  bool take(std::string_view wanted) {
    skip_spaces();
    if (rest_.substr(0, wanted.size()) != wanted) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }
  // The same for a word, which ends where no letter, digit or underscore follows.
  bool take_word(std::string_view wanted) {
    skip_spaces();
    if (rest_.substr(0, wanted.size()) != wanted) return false;
    if (rest_.size() > wanted.size() && is_of_word(rest_[wanted.size()])) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }
  template <class T>
  bool take_number(T& number, int base = 10) {
    skip_spaces();
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number, base);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return true;
  }
  std::string take_word() {
    skip_spaces();
    return take_while(is_of_word);
  }
  // Everything up to `end`, which is taken, too. False if it is not there.
  bool take_until(char end, std::string& out) {
    const size_t at = rest_.find(end);
    if (at == std::string_view::npos) return false;
    out = std::string(rest_.substr(0, at));
    rest_.remove_prefix(at + 1);
    return true;
  }
  template <class Predicate>
  std::string take_while(Predicate belongs) {
    size_t length = 0;
    while (length < rest_.size() && belongs(rest_[length])) ++length;
    std::string taken(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return taken;
  }

  static bool is_of_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

 private:
  void skip_spaces() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_[0])) != 0) rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

}  // namespace demi
