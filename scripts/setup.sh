#!/usr/bin/env bash
# Makes a clone ready: Debian packages, node packages, the native addon, dist/. Does only what is missing or stale.
# What cannot be installed is named, with the command that installs it and what is left out without it.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "set-up: $*" >&2; }

# --- Debian packages: command, package, what needs it ---------------------------------------------------------------
needed=(
  "g++ g++ build"
  "make make build"
  "python3 python3 build"
  "qemu-storage-daemon qemu-system-common the target qemu-storage-daemon"
  "dpdk-testpmd dpdk-dev the targets dpdk-testpmd, dpdk-vdpa-net and dpdk-vdpa-blk"
  "pkg-config pkg-config the targets dpdk-vdpa-net and dpdk-vdpa-blk"
  "qemu-system-x86_64 qemu-system-x86 the kernel guest"
)
if [ "${1:-}" = --for-tests ]; then
  needed+=(
    "chromium chromium the tests of the report in a browser"
    "redis-server redis-server the tests of fuzz campaigns over a queue"
  )
fi

missing=() left_out=() cannot_build=
for line in "${needed[@]}"; do
  read -r command package use <<<"$line"
  if command -v "$command" >/dev/null; then continue; fi
  missing+=("$package")
  left_out+=("$use")
done
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  if (apt-get install -y --no-install-recommends "${missing[@]}" ||
    (apt-get update && apt-get install -y --no-install-recommends "${missing[@]}")) >/dev/null 2>&1; then
    missing=() left_out=()
  fi
fi
if [ ${#missing[@]} -gt 0 ]; then
  say "not installed; run: sudo apt-get install --no-install-recommends ${missing[*]}"
  for use in "${left_out[@]}"; do
    if [ "$use" = build ]; then cannot_build=yes; else say "left out until then: $use"; fi
  done
fi

# --- node and its packages -------------------------------------------------------------------------------------------
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 20) ? 0 : 1)'; then
  say "node $(node --version 2>/dev/null || echo is missing): 20.20 or later is needed (https://nodejs.org)"
  exit 2
fi
lock=$(sha256sum package-lock.json | cut -d' ' -f1)
stamp=node_modules/.set-up-from
# A linked node_modules is not ours to change.
if [ ! -L node_modules ] && [ "$(cat "$stamp" 2>/dev/null)" != "$lock" ]; then
  say "installing the node packages"
  npm ci --no-audit --no-fund --loglevel=error >&2
  echo "$lock" >"$stamp"
fi

# --- the addon, and dist/ beside it ----------------------------------------------------------------------------------
addon=
if ! bash scripts/build-native.sh --is-fresh; then
  if [ -n "$cannot_build" ]; then
    say "the native addon cannot be built without these packages"
    exit 2
  fi
  say "building the native addon"
  output=$(mktemp)
  bash scripts/build-native.sh >"$output" 2>&1 &
  addon=$!
fi
code=0
npx --no-install tsc -b && node scripts/bundle.mjs || code=$?
if [ -n "$addon" ]; then
  wait "$addon" || { cat "$output" >&2; code=2; }
  rm -f "$output"
fi
exit $code
