// The directives of a script: --name=value.
#pragma once

#include <string>
#include <string_view>

#include "scripts/script.h"

namespace demi {

// `text` is one directive, without the dashes. False if it is not known, or its value means nothing, and which.
bool apply_directive(std::string_view text, ScriptConfig& config, std::string& error);

}  // namespace demi
