#!/usr/bin/env bash
# Sets up what is missing, then judges our own reference back-end over a real vhost-user socket, as a block and as a
# network device. Options are passed on: npm start -- --case 'virtio/*'
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh
exec node --enable-source-maps dist/bundled/main.js run reference reference-net "$@"
