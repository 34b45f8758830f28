#include "wire_target.h"

DEMI_FUZZ_TARGET(demi::exercise_ipv6)
