#!/usr/bin/env bash
# Packs the project from a copy of the work tree, installs the tarball into an empty folder without install scripts, and
# runs it there: some cases on the reference, and all of them with VHOST_CONFORMANCE_NIGHTLY=1. Prints `ok` or `not ok` for
# each claim.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

claim() {
  local name=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    echo "ok $name"
  else
    failed=1
    sed 's/^/  /' "$work/output"
    echo "not ok $name"
  fi
}

packs() {
  mkdir "$work/copy" "$work/empty"
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp -a --parents --target-directory "$work/copy" || return
  # An addon that is newer than its sources is taken as it is; by night it is built anew.
  if [ "${VHOST_CONFORMANCE_NIGHTLY:-}" != 1 ]; then
    cp -a --parents --target-directory "$work/copy" drivers/native/build/Release/vhost_conformance.node || return
  fi
  ln -s "$root/node_modules" "$work/copy/node_modules"
  (cd "$work/copy" && npm pack --loglevel=error --pack-destination "$work")
}
holds_no_test() {
  tar -tzf "$work"/*.tgz >"$work/listing" || return
  # A test, a bench or a source would be found here.
  if grep -E '/tests/|/bench/|\.tsbuildinfo$|(^|[^d])\.ts$|/node_modules/' "$work/listing"; then return 1; fi
  grep -qx 'package/drivers/native/prebuilt/linux-x64.node' "$work/listing" && grep -qx 'package/LICENSE' "$work/listing"
}
installs() {
  cd "$work/empty" && npm install --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error "$work"/*.tgz
}
lists_targets() {
  cd "$work/empty" && npx --no-install vhost-conformance list targets | grep -E '^reference-net\b'
}
judges() {
  local some=(--case vhost-user/memory --case virtio/split-ring --layout split --negotiation minimal)
  if [ "${VHOST_CONFORMANCE_NIGHTLY:-}" = 1 ]; then some=(); fi
  cd "$work/empty" && npx --no-install vhost-conformance run reference "${some[@]}" --out judged
}
reports() {
  [ -s "$work/empty/judged/report.html" ] && grep -q '"verdict":"pass"' "$work/empty/judged/results.jsonl"
}

claim 'npm pack builds dist/ and the addon' packs
claim 'the tarball has the addon and the license, and no test, bench or source' holds_no_test
claim 'the tarball is installed without install scripts' installs
claim 'list targets names the references' lists_targets
claim 'run reference ends with 0' judges
claim 'the run has records and a report' reports
exit $failed
