#!/usr/bin/env bash
# Makes what `npm pack` and `npm publish` put into the tarball beside checked-in files: dist/, built anew so that nothing
# stale is shipped, without tests and benches, and the addon. The package has no install script: installing it needs no compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf dist
node scripts/generate-lists.mjs
npx --no-install tsc -b cli reports/html/page-script
node scripts/bundle.mjs
bash scripts/build-native.sh --is-fresh || bash scripts/build-native.sh >&2
platform=$(node -p 'process.platform + "-" + process.arch')
mkdir -p drivers/native/prebuilt
strip --strip-unneeded -o "drivers/native/prebuilt/$platform.node" drivers/native/build/Release/vhost_conformance.node
