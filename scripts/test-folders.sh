#!/usr/bin/env bash
# Runs the test files of all folders, one program more at once than there are processors, since some wait for what they have
# started: each prints TAP. The runner of tap would load hooks into each of them that take longer than most tests. A file of
# cli/, and one that looks at its own process, is a program of its own; of others some are run together, since most take less
# time than it takes to load tap. Prints what failed, how long each file took, and last the sums.
#   test-folders.sh SECONDS [FILE...]   how long a file may take; all files, or these, each by itself
set -uo pipefail
cd "$(dirname "$0")/.."
limit=$1
shift
together=8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work limit

# The files of a line; their assertions that passed and failed go to a line of $work/sums.
run_files() {
  local output began=$SECONDS code sums ok not_ok name
  output=$(mktemp -p "$work")
  # Where tap does not end it in time, it is killed.
  if [ $# = 1 ]; then
    name=$1
    TAP_TIMEOUT=$limit timeout --foreground -k 10 $((limit + 30)) node --enable-source-maps "$1" >"$output" 2>&1
  else
    name="$1 and $(($# - 1)) more"
    printf '%s\n' "$@" | timeout --foreground -k 10 $((limit * 2 + 30)) \
      node --enable-source-maps scripts/test-together.mjs "$limit" "$(basename "$output")" >"$output" 2>&1
  fi
  code=$?
  # The last line but one: # { total: 76, pass: 75, fail: 1 }
  sums=$(grep -E '^# \{ total: ' "$output" | tail -1)
  ok=$(sed -nE 's/.* pass: ([0-9]+).*/\1/p' <<<"$sums")
  not_ok=$(sed -nE 's/.* fail: ([0-9]+).*/\1/p' <<<"$sums")
  # A file that ends early, or without a test, is a failure as well.
  if [ "${not_ok:-0}" = 0 ] && { [ $code -ne 0 ] || [ -z "$ok" ]; }; then not_ok=1; fi
  echo "${ok:-0} ${not_ok:-0}" >>"$work/sums"
  if [ "${not_ok:-0}" != 0 ]; then
    # In one write, since another file may fail at the same time.
    echo "not ok $name # exit code $code, $((SECONDS - began)) s
$(grep -E -A25 '^ *not ok|^Bail out' "$output" | head -150)
$(tail -15 "$output")"
  elif [ $# = 1 ]; then
    echo "ok $name # $((SECONDS - began)) s"
  else
    sed -nE 's/^# (dist\/.*\.test\.js) took ([0-9]+ s)$/ok \1 # \2/p' "$output"
  fi
  rm -f "$output"
}
export -f run_files

# A line for each program: what takes long begins first, or the last processor would end behind the others.
programs() {
  local all alone
  all=$(find dist -path '*/tests/*' -name '*.test.js' | sort)
  alone=$(grep -E '^dist/cli/' <<<"$all" && xargs grep -lF /proc/self <<<"$(grep -vE '^dist/cli/' <<<"$all")")
  echo "$alone"
  comm -23 <(echo "$all") <(sort <<<"$alone") | xargs -n $together
}

touch "$work/sums"
if [ $# = 0 ]; then programs; else printf '%s\n' "$@"; fi |
  xargs -P $(($(nproc) + 1)) -I{} bash -c 'run_files $1' _ {}
awk '{ ok += $1; failed += $2 } END { printf "%d passed, %d failed\n", ok, failed; exit failed > 0 || NR == 0 }' "$work/sums"
