#!/bin/sh
# SPDX-License-Identifier: MIT
# A test of kselftest, and of KernelCI through it: judges what TARGETS names and prints KTAP. Exit codes are those of
# kselftest: 0 pass, 1 fail, 4 skip (the suite or a target is not there).
VHOST_CONFORMANCE=${VHOST_CONFORMANCE:-vhost-conformance}
TARGETS=${TARGETS:-vhost-vdpa:/dev/vhost-vdpa-0}

out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
if ! command -v "$VHOST_CONFORMANCE" >/dev/null; then
  printf 'TAP version 13\n1..0 # SKIP %s is not installed\n' "$VHOST_CONFORMANCE"
  exit 4
fi
# shellcheck disable=SC2086 # several targets and options are several words
"$VHOST_CONFORMANCE" run $TARGETS --out "$out/run" --reporter ktap >"$out/log" 2>&1
code=$?
if [ ! -e "$out/run/report.ktap" ]; then
  printf 'TAP version 13\n1..0 # SKIP %s\n' "$(tail -n 1 "$out/log" | tr -d '\r')"
  exit 4
fi
cat "$out/run/report.ktap"
case $code in
  0) exit 0 ;;
  *) exit 1 ;;
esac
