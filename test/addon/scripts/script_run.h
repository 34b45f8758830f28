// run_script(): plays a script against the host of script_host.h, in virtual time, and says at which line it first went otherwise.
#pragma once

#include <string>
#include <string_view>

namespace demi {

// Empty if everything was as the script says. `name` stands before the line in what is told:
//
//   NAME:12: other than expected
//     expected:  +0.100000  P. 1:1001(1000) ack 1
//     got:       +0.100000  P. 1:501(500) ack 1
//                                ^
std::string run_script(std::string_view name, std::string_view text);

}  // namespace demi
