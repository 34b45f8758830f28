// Reads the configuration of a stack and its device from the object that lib/core/inet-config.ts makes of it, and has checked.
#pragma once

#include <napi.h>

#include "libos/catnip.h"
#include "libos/catpowder.h"

namespace demi {

NetosConfig read_inet_settings(const Napi::Object& given);
CatpowderDevice read_catpowder_device(const Napi::Object& given);
#ifdef __linux__
// `stack` is what read_inet_settings() has made of its other part.
CatnipConfig read_catnip_settings(const Napi::Object& given, const StackConfig& stack);
#endif

}  // namespace demi
