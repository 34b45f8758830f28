{
  # The native addon: every .cc file of the rooms listed here, in one shared object.
  # This file lives in addon/ and not beside package.json, so that npm never builds implicitly.
  "variables": {
    "rooms": "['base', 'memory', 'sched', 'wire', 'inet/tcp', 'inet', 'device', 'libos', 'binding']",
    "demi_werror%": "<!(node -p \"process.env.DEMI_WERROR === '1' ? 1 : 0\")"
  },
  "targets": [
    {
      "target_name": "demi",
      "sources": [
        "<!@(node -p \"<(rooms).flatMap(room => fs.readdirSync(room).filter(name => name.endsWith('.cc')).sort().map(name => room + '/' + name)).join(' ')\")"
      ],
      "include_dirs": [
        ".",
        "<!(node -p \"require('node-addon-api').include_dir\")"
      ],
      "defines": [
        "NAPI_VERSION=9",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        # A call that a worker is terminated in cannot throw any more; that is no reason for the process to die.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      # Node's own defaults that would contradict ours.
      "cflags!": ["-O3", "-Wno-unused-parameter"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fexceptions", "-frtti"],
      "cflags": ["-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags_cc": ["-std=c++20", "-fno-exceptions", "-fno-rtti", "-fvisibility-inlines-hidden"],
      "conditions": [
        ["demi_werror==1", { "cflags": ["-Werror"] }],
        ["OS=='linux'", {
          # The C++ library is linked in, and its symbols stay private: a host's own copy neither replaces nor is
          # replaced by it. Node unloads an addon that only workers loaded; nodelete keeps its code mapped for
          # callbacks that are still on their way.
          "ldflags": [
            "-static-libstdc++",
            "-static-libgcc",
            "-Wl,--exclude-libs,ALL",
            "-Wl,-z,nodelete"
          ]
        }],
        ["OS=='mac'", {
          "xcode_settings": {
            "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
            "CLANG_CXX_LIBRARY": "libc++",
            "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
            "GCC_ENABLE_CPP_RTTI": "NO",
            "GCC_OPTIMIZATION_LEVEL": "2",
            "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
            "GCC_INLINES_ARE_PRIVATE_EXTERN": "YES",
            "MACOSX_DEPLOYMENT_TARGET": "11.0",
            "WARNING_CFLAGS": ["-Wall", "-Wextra"]
          }
        }]
      ]
    }
  ]
}
