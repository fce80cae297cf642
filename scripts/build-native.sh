#!/bin/bash
# Builds the addon into drivers/native/build/Release against the headers that
# came with node, so that nothing is downloaded. With --if-stale, only where it
# is missing or older than its sources.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = --if-stale ]; then
  shift
  addon=drivers/native/build/Release/vhost_conformance.node
  if [ -e "$addon" ] && [ -z "$(find -L drivers/native/src drivers/native/binding.gyp -newer "$addon" -print -quit)" ]; then
    exit 0
  fi
fi
prefix=$(node -p 'path.dirname(path.dirname(fs.realpathSync(process.execPath)))')
if [ ! -f "$prefix/include/node/node_api.h" ]; then
  echo "node's headers are missing: $prefix/include/node (Debian: apt-get install libnode-dev)" >&2
  exit 2
fi
exec npx --no-install node-gyp configure build --directory drivers/native --nodedir "$prefix" "$@"
