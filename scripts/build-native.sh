#!/bin/bash
# Builds the addon into drivers/native/build/Release against the headers that
# came with node, so that nothing is downloaded. With --is-fresh it
# builds nothing, and says by its exit code whether the addon is there and newer
# than its sources.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --is-fresh ]; then
  addon=drivers/native/build/Release/vhost_conformance.node
  [ -e "$addon" ] || exit 1
  newer=$(find -L drivers/native/src drivers/native/binding.gyp -newer "$addon" -print -quit)
  [ -z "$newer" ]
  exit
fi
prefix=$(node -p 'path.dirname(path.dirname(fs.realpathSync(process.execPath)))')
if [ ! -f "$prefix/include/node/node_api.h" ]; then
  echo "node's headers are missing: $prefix/include/node (Debian: apt-get install libnode-dev)" >&2
  exit 2
fi
exec npx --no-install node-gyp configure build --directory drivers/native --nodedir "$prefix" "$@"
