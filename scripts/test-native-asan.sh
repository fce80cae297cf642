#!/bin/bash
# Runs the tests of the native addon with the addon built under AddressSanitizer
# and UndefinedBehaviorSanitizer. Any report fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=$(node -p 'path.dirname(path.dirname(fs.realpathSync(process.execPath)))')
output=drivers/native/build/asan
addon=$PWD/$output/vhost_conformance.node
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
mkdir -p "$output"

sources=$(node -p "
  const gyp = fs.readFileSync('drivers/native/binding.gyp', 'utf8');
  gyp.match(/src\/[\w-]+\.cc/g).map((file) => 'drivers/native/' + file).join(' ')")
flags=(-std=c++20 -O1 -g -fPIC -fno-exceptions -fno-rtti -fno-omit-frame-pointer
  -Wall -Wextra -Werror -fsanitize=address,undefined
  -DNAPI_VERSION=9 -DNAPI_DISABLE_CPP_EXCEPTIONS -D_GNU_SOURCE -DBUILDING_NODE_EXTENSION
  -I"$prefix/include/node" -I"$(node -p "require('node-addon-api').include_dir")")
# shellcheck disable=SC2086
for source in $sources; do
  object=$output/$(basename "$source" .cc).o
  if [ ! "$object" -nt "$source" ] || [ -n "$(find drivers/native/src -name '*.h' -newer "$object")" ]; then
    echo "$source"
  fi
done | xargs -r -P "$(nproc)" -I{} bash -c 'g++ "${@:2}" -c "$1" -o "'"$output"'/$(basename "$1" .cc).o"' _ {} "${flags[@]}"
objects=()
for source in $sources; do objects+=("$output/$(basename "$source" .cc).o"); done
g++ -shared -fsanitize=address,undefined "${objects[@]}" -o "$addon"
npx --no-install tsc -b drivers/tests

# Leaks are looked for by native-leak.test.ts: node itself frees little at exit.
# Reports go to files, since a test may swallow the stderr of a child.
export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:exitcode=99:log_path=$reports/asan:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99:log_path=$reports/ubsan
export VHOST_CONFORMANCE_ADDON=$addon
preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"

failed=0
for test in dist/drivers/tests/native-*.test.js; do
  if ! LD_PRELOAD=$preload timeout 60 node --enable-source-maps "$test" >"$reports/output" 2>&1; then
    failed=$((failed + 1))
    echo "not ok $test"
    grep -vE '^ *(ok|# time|1\.\.)' "$reports/output" | tail -60
  else
    echo "ok $test"
  fi
done
for report in "$reports"/asan.* "$reports"/ubsan.*; do
  [ -e "$report" ] || continue
  failed=$((failed + 1))
  cat "$report"
done
if [ "$failed" -gt 0 ]; then
  echo "address sanitizer: $failed failed"
  exit 1
fi
echo "address sanitizer: no report"
