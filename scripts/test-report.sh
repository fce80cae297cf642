#!/usr/bin/env bash
# The report in Chromium: the page of a made-up run; the page of a real run in which the reference is judged beside itself
# with faults, of which one ends its process (by the cases of some folders; with VHOST_CONFORMANCE_NIGHTLY=1 by all), and
# the comparison of the two; and the page of a real run of back-ends of others, as far as they are installed here.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs the suite; the run must end with this status.
judged() {
  local wanted=$1 code=0
  shift
  node --enable-source-maps dist/bundled/main.js "$@" || code=$?
  if [ "$code" -ne "$wanted" ]; then
    echo "$1 ended with $code, not with $wanted"
    exit 1
  fi
}

serve="node '$PWD/dist/bundled/serve.js' --socket {socket} --device block --queues 2"
faulty=$serve
for fault in used-idx-saturates event-idx-always-calls head-out-of-range-crashes; do faulty+=" --fault $fault"; done
some=(--case 'virtio/split-ring/used-*' --case virtio/notifications --case virtio/features --case vhost-user/vring-base
  --case virtio/split-ring/head-out-of-range-is-survived --negotiation minimal)
if [ "${VHOST_CONFORMANCE_NIGHTLY:-}" = 1 ]; then some=(); fi
judged 1 run reference --exec "$faulty" "${some[@]}" --jobs 2 --out "$work/run"

few=(--case 'virtio/split-ring/used-*' --negotiation minimal)
judged 0 run --exec "$serve" "${few[@]}" --out "$work/before"
judged 1 run --exec "$faulty" "${few[@]}" --out "$work/after"
judged 1 compare "$work/before" "$work/after" --out "$work/compared"

# A few cases each, of which some fail: a page is made of what there is.
targets=(reference) left_out=()
there() { if [ "$1" = 0 ]; then targets+=("${@:2}"); else left_out+=("${@:2}"); fi; }
there "$(command -v qemu-storage-daemon >/dev/null; echo $?)" qemu-storage-daemon
there "$(command -v dpdk-testpmd >/dev/null; echo $?)" dpdk-testpmd
there "$(pkg-config --exists libdpdk 2>/dev/null; echo $?)" dpdk-vdpa-net dpdk-vdpa-blk
if [ -x /usr/lib/qemu/virtiofsd ]; then
  targets+=(--target-file "$(node dist/cli/back-ends/main.js --prepare --installed --cache "$work" virtiofsd-c)")
else
  left_out+=(virtiofsd-c)
fi
for name in "${left_out[@]}"; do echo "left out $name: it is not installed"; done
some=(--case virtio/features --case vhost-user/vring-base/used-index-comes-from-memory
  --case virtio/packed-ring/used-write-flag-behind-that-of-a-table --case vhost-user/features/unoffered-features-are-refused)
judged 1 run "${targets[@]}" "${some[@]}" --negotiation minimal --out "$work/targets"

VHOST_CONFORMANCE_RUN="$work/run" VHOST_CONFORMANCE_TARGETS="$work/targets" \
  VHOST_CONFORMANCE_COMPARED="$work/compared/compare.html" npx --no-install playwright test "$@"
