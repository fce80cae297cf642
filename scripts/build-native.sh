#!/bin/bash
# Builds the addon into drivers/native/build/Release against the headers that
# came with node, so that nothing is downloaded.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=$(node -p 'path.dirname(path.dirname(fs.realpathSync(process.execPath)))')
if [ ! -f "$prefix/include/node/node_api.h" ]; then
  echo "node's headers are missing: $prefix/include/node (Debian: apt-get install libnode-dev)" >&2
  exit 2
fi
exec npx --no-install node-gyp configure build --directory drivers/native --nodedir "$prefix" "$@"
