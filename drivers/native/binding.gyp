{
  'targets': [
    {
      'target_name': 'vhost_conformance',
      'sources': [
        'src/addon.cc',
        'src/arguments.cc',
        'src/device-file.cc',
        'src/eventfd.cc',
        'src/exchange.cc',
        'src/file.cc',
        'src/memory.cc',
        'src/mutator.cc',
        'src/process.cc',
        'src/receive-timeout.cc',
        'src/socket.cc',
        'src/spawn.cc',
        'src/system-calls.cc',
        'src/system-call-script.cc',
        'src/wait.cc',
      ],
      'include_dirs': ["<!(node -p \"require('node-addon-api').include_dir\")"],
      'defines': ['NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', '_GNU_SOURCE'],
      'cflags_cc!': ['-std=gnu++17', '-Wno-unused-parameter'],
      'cflags!': ['-Wno-unused-parameter'],
      'cflags_cc': ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror', '-fvisibility=hidden'],
    },
  ],
}
