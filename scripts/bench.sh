#!/bin/bash
# Compares our rates with those of small C programs: a front-end of the storage
# daemon and of testpmd, and both sides of a ring in process: npm run bench [-- --json] [--fuzz]
set -euo pipefail
cd "$(dirname "$0")/.."
for program in gcc qemu-storage-daemon dpdk-testpmd; do
  command -v "$program" >/dev/null || {
    echo "$program is missing (Debian: apt-get install gcc libc6-dev linux-libc-dev qemu-utils dpdk-dev)" >&2
    exit 2
  }
done
[ -e drivers/native/build/Release/vhost_conformance.node ] || bash scripts/build-native.sh >&2
npx --no-install tsc -b >&2
exec node dist/bench/bench.js "$@"
