// ViewSource: the bytes of a Uint8Array as a PushSource. The view is asked for its bytes each time, because JavaScript may have
// detached or shrunk its ArrayBuffer in between.
#pragma once

#include <memory>
#include <span>

#include <napi.h>

#include "libos/push_request.h"

namespace demi {

// The bytes of a view; empty when it is no typed array of bytes, or detached.
inline std::span<const uint8_t> bytes_of_view(napi_env env, napi_value view) {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, view, &type, &length, &data, nullptr, nullptr) != napi_ok) return {};
  if (type != napi_uint8_array && type != napi_uint8_clamped_array) return {};
  return {static_cast<const uint8_t*>(data), data == nullptr ? 0 : length};
}

// Holds the view: for pushes that outlast their call.
class KeptViewSource final : public PushSource {
 public:
  KeptViewSource(napi_env env, napi_value view) : env_(env) { napi_create_reference(env, view, 1, &reference_); }
  ~KeptViewSource() override { napi_delete_reference(env_, reference_); }

  std::span<const uint8_t> bytes() override {
    // Operations run inside calls from JavaScript or callbacks of libuv; only the former have a scope.
    napi_handle_scope scope = nullptr;
    if (napi_open_handle_scope(env_, &scope) != napi_ok) return {};
    napi_value view = nullptr;
    std::span<const uint8_t> bytes;
    if (napi_get_reference_value(env_, reference_, &view) == napi_ok && view != nullptr) bytes = bytes_of_view(env_, view);
    napi_close_handle_scope(env_, scope);
    return bytes;
  }
  // Kept already, and never twice.
  std::unique_ptr<PushSource> keep() override { return nullptr; }

 private:
  napi_env env_;
  napi_ref reference_ = nullptr;
};

// Names the view of a call that is going on.
class ViewSource final : public PushSource {
 public:
  ViewSource(napi_env env, napi_value view) : env_(env), view_(view), bytes_(bytes_of_view(env, view)) {}

  std::span<const uint8_t> bytes() override { return bytes_; }
  std::unique_ptr<PushSource> keep() override { return std::make_unique<KeptViewSource>(env_, view_); }

 private:
  napi_env env_;
  napi_value view_;
  std::span<const uint8_t> bytes_;
};

}  // namespace demi
