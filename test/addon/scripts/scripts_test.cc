// Every script under test/scripts is a test: its name is its path. To add one is to add a file.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "scripts/script_run.h"

namespace demi {
namespace {

namespace fs = std::filesystem;

const fs::path kScripts = DEMI_TEST_SCRIPTS;
// A folder that is not found must not pass.
constexpr size_t kScriptsAtLeast = 190;

std::string contents_of(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> scripts() {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::recursive_directory_iterator it(kScripts, error), end; it != end && !error; it.increment(error)) {
    if (it->path().extension() == ".pkt") found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class ScriptFile : public testing::Test {
 public:
  explicit ScriptFile(fs::path path) : path_(std::move(path)) {}

  void TestBody() override {
    const std::string text = contents_of(path_);
    const std::string title = text.substr(0, text.find('\n'));
    EXPECT_TRUE(title.rfind("// ", 0) == 0 && title.find("RFC ") != std::string::npos)
        << "the first line of a script is a comment that says what it shows, and of which clause of an RFC";
    const std::string wrong = run_script(path_.lexically_relative(kScripts).string(), text);
    EXPECT_TRUE(wrong.empty()) << wrong;
  }

 private:
  fs::path path_;
};

TEST(ScriptFiles, ThereAreAsManyAsWereWritten) { EXPECT_GE(scripts().size(), kScriptsAtLeast); }

// Before main(), as the tests that macros make.
const bool registered = [] {
  for (const fs::path& path : scripts()) {
    std::string name = path.lexically_relative(kScripts).replace_extension().string();
    testing::RegisterTest("Scripts", name.c_str(), nullptr, nullptr, path.c_str(), 1,
                          [path]() -> testing::Test* { return new ScriptFile(path); });
  }
  return true;
}();

}  // namespace
}  // namespace demi
