#!/usr/bin/env bash
# Runs the test files of all folders, as many at once as there are processors: each is a program that prints TAP. The runner
# of tap would load hooks into each of them that take longer than most tests. Prints what failed, how long each file took,
# and last the sums.
#   test-folders.sh SECONDS [FILE...]   how long a file may take; all files, or these
set -uo pipefail
cd "$(dirname "$0")/.."
limit=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work limit

# One file; its assertions that passed and failed go to a line of $work/sums.
run_file() {
  local file=$1 output began=$SECONDS code sums ok not_ok
  output=$(mktemp -p "$work")
  # Where tap does not end it in time, it is killed.
  TAP_TIMEOUT=$limit timeout --foreground -k 10 $((limit + 30)) node --enable-source-maps "$file" >"$output" 2>&1
  code=$?
  # The last line but one: # { total: 76, pass: 75, fail: 1 }
  sums=$(grep -E '^# \{ total: ' "$output" | tail -1)
  ok=$(sed -nE 's/.* pass: ([0-9]+).*/\1/p' <<<"$sums")
  not_ok=$(sed -nE 's/.* fail: ([0-9]+).*/\1/p' <<<"$sums")
  # A file that ends early, or without a test, is a failure as well.
  if [ "${not_ok:-0}" = 0 ] && { [ $code -ne 0 ] || [ -z "$ok" ]; }; then not_ok=1; fi
  echo "${ok:-0} ${not_ok:-0}" >>"$work/sums"
  if [ "${not_ok:-0}" = 0 ]; then
    echo "ok $file # $((SECONDS - began)) s"
  else
    # In one write, since another file may fail at the same time.
    echo "not ok $file # exit code $code, $((SECONDS - began)) s
$(grep -E -A25 '^ *not ok|^Bail out' "$output" | head -150)
$(tail -15 "$output")"
  fi
  rm -f "$output"
}
export -f run_file

touch "$work/sums"
if [ $# = 0 ]; then find dist -path '*/tests/*' -name '*.test.js' | sort; else printf '%s\n' "$@"; fi |
  xargs -P "$(nproc)" -I{} bash -c 'run_file "$1"' _ {}
awk '{ ok += $1; failed += $2 } END { printf "%d passed, %d failed\n", ok, failed; exit failed > 0 || NR == 0 }' "$work/sums"
