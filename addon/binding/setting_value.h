// What JavaScript has put into an object for us, as values of C++.
//
// While a worker is being terminated, at any moment from one look at an object to the next, nothing more can be read: what comes back is no value
// at all, and Node-API ends the process when it is asked to convert that. So nothing is converted here that is not of its type; it is 0, empty or false.
#pragma once

#include <cstdint>
#include <string>

#include <napi.h>

namespace demi {

inline double number_of(const Napi::Value& value) { return value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0; }

inline int64_t integer_of(const Napi::Value& value) { return value.IsNumber() ? value.As<Napi::Number>().Int64Value() : 0; }

inline bool flag_of(const Napi::Value& value) { return value.IsBoolean() && value.As<Napi::Boolean>().Value(); }

inline std::string text_of(const Napi::Value& value) { return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string(); }

// Calls `take` with each element of an array.
template <class Take>
void each_of(const Napi::Value& value, Take&& take) {
  if (!value.IsArray()) return;
  const auto list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) take(list.Get(i));
}

}  // namespace demi
