#!/usr/bin/env bash
# The report in Chromium: the page of a made-up run, and the page of a real run in which the reference is judged beside
# itself with faults, of which one ends its process.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

faulty="node '$PWD/dist/drivers/reference/serve.js' --socket {socket} --device block --queues 2"
for fault in used-idx-saturates event-idx-always-calls head-out-of-range-crashes; do faulty+=" --fault $fault"; done

code=0
node --enable-source-maps dist/cli/main.js run reference --exec "$faulty" --jobs 2 --out "$work/run" || code=$?
if [ "$code" -ne 1 ]; then
  echo "the run with faults ended with $code, not with findings"
  exit 1
fi
VHOST_CONFORMANCE_RUN="$work/run" npx --no-install playwright test "$@"
