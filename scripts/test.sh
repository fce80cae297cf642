#!/usr/bin/env bash
# What is tested, one after another; the last line has the sums. With VHOST_CONFORMANCE_NIGHTLY=1 what takes long as well.
set -uo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
passed=0 failed=0
children= fetching= beside=
# Seconds for a file of tests, and how many cases are tried beside each fault: all of them take hours. Without a fault each
# case is tried on one device of a transport.
limit=600 few=(--sample 3 --one-device)
is_nightly() { [ "${VHOST_CONFORMANCE_NIGHTLY:-}" = 1 ]; }
if is_nightly; then limit=1800 few=(--sample 60); fi

# Ends what still runs when we are ended ourselves.
finish() {
  for group in $children $fetching $beside; do kill -TERM -- "-$group" 2>/dev/null; done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a step in a process group of its own, its output shown when it fails. Its exit code is the result.
step() {
  echo "--- $1"
  shift
  setsid "$@" >"$work/output" 2>&1 &
  children=$!
  wait "$children"
  local code=$?
  children=
  if [ $code -ne 0 ]; then cat "$work/output"; fi
  return $code
}

# A step that counts as one test.
check() {
  local began=$SECONDS
  if step "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "failed: $1"; fi
  echo "    $((SECONDS - began)) s"
}

check 'set-up' bash scripts/setup.sh --for-tests
if [ $failed -gt 0 ]; then
  echo "$passed passed, $failed failed"
  exit 1
fi
# The kernel of the guest is fetched while other parts are tested; tests that need it wait for it.
setsid node dist/bundled/main.js guest --prepare >"$work/fetched" 2>&1 &
fetching=$!
check 'lint' npx --no-install biome check .

# Starts a step that counts as one test, beside those that follow it up to `joined`.
alongside() {
  echo "--- $1, beside what follows"
  beside_name=$1 beside_began=$SECONDS
  shift
  setsid "$@" >"$work/beside" 2>&1 &
  beside=$!
}

# Waits for that step.
joined() {
  if wait "$beside"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    cat "$work/beside"
    echo "failed: $beside_name"
  fi
  beside=
  echo "    $((SECONDS - beside_began)) s for $beside_name"
}

# A step that counts by the lines of its output: patterns of those that passed and of those that failed.
count() {
  local began=$SECONDS ok not_ok code
  step "$1" "${@:4}"
  code=$?
  ok=$(grep -cE "$2" "$work/output")
  not_ok=$(grep -cE "$3" "$work/output")
  if [ $code -ne 0 ] && [ "$not_ok" = 0 ]; then not_ok=1; fi
  passed=$((passed + ok)) failed=$((failed + not_ok))
  echo "    $ok passed, $not_ok failed, $((SECONDS - began)) s"
}

# The files that took longest.
longest() {
  sed -nE 's/^(not )?ok dist\/(.*)\.test\.js # (.*, )?([0-9]+) s$/\4 s \2/p' "$work/output" | sort -rn | head -6 | paste -sd, | sed 's/^/ /'
}

began=$SECONDS
step 'tests of all folders' bash scripts/test-folders.sh "$limit"
code=$?
sums=$(tail -1 "$work/output")
ok=$(sed -nE 's/^([0-9]+) passed, [0-9]+ failed$/\1/p' <<<"$sums")
not_ok=$(sed -nE 's/^[0-9]+ passed, ([0-9]+) failed$/\1/p' <<<"$sums")
ok=${ok:-0} not_ok=${not_ok:-0}
if [ $code -ne 0 ] && [ "$not_ok" = 0 ]; then not_ok=1; fi
echo "    $ok passed, $not_ok failed, $((SECONDS - began)) s; longest:$(longest)"
passed=$((passed + ok)) failed=$((failed + not_ok))

wait "$fetching" || cat "$work/fetched"
fetching=
in_guest() { node dist/bundled/main.js guest -- run "$@" --out "$work/in-guest-$1"; }
# By day what the module does itself as a whole on one device, and on the other some of each kind of what a ring does.
part_in_guest() {
  in_guest kernel-vhost-mdev-net --negotiation minimal --case vhost-mdev --case virtio/notifications \
    --case 'virtio/net/{frames,received,transmit}-*' || return
  in_guest kernel-vhost-mdev-blk --negotiation minimal --case virtio/features --case vhost-mdev/identity \
    --case 'virtio/split-ring/{used,indirect,head}-*' --case 'virtio/block/{read,write,flush,discard,zeroed}-*'
}
export -f in_guest part_in_guest
export work
# A guest takes one processor.
if is_nightly; then
  alongside 'two targets in the kernel guest' node dist/bundled/main.js guest -- run kernel-vhost-mdev-net \
    kernel-vhost-mdev-blk --out "$work/in-guest"
else
  alongside 'a part of two targets in the kernel guest' bash -c part_in_guest
fi
count 'QEMU and Linux, observed on the reference' '^ok ' '^not ok ' node dist/cli/front-ends/main.js \
  qemu-7.2-block --if-installed --out "$work/front-ends"
grep '^left out ' "$work/output"
count 'the report in a browser' '^ +✓' '^ +✘' bash scripts/test-report.sh
count 'the package, installed into an empty folder' '^ok ' '^not ok ' bash scripts/test-package.sh
joined
count 'faults, each caught by the cases that name it' '^ok ' '^not ok ' node dist/cli/faults.js "${few[@]}"
if is_nightly; then
  count 'mutants of the reference, a small sample' '^ok ' '^not ok listed' node dist/cli/mutation.js \
    --quick --sample 10 --seed 7 --floor 40
fi
count 'faults that fuzzing finds from an empty corpus' '^ok ' '^not ok ' \
  node dist/cli/fuzz-faults.js --sample 20 --seed 1 --runs 100 --time 600 --least 45
count 'the native addon under AddressSanitizer' '^ok dist/' '^not ok dist/' bash scripts/test-native-asan.sh

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
