// Reads the configuration of a stack and its device from the object that lib/core/inet-config.ts makes of it, and has checked.
#pragma once

#include <napi.h>

#include "libos/catpowder.h"

namespace demi {

CatpowderConfig read_inet_settings(const Napi::Object& given);

}  // namespace demi
