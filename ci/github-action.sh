#!/usr/bin/env bash
# The step of action.yml. ARGUMENTS are split into words as a shell does, and nothing else is done with them.
set -euo pipefail
program=("${VHOST_CONFORMANCE:-vhost-conformance}")
if ! command -v "${program[0]}" >/dev/null; then program=(npx --yes vhost-conformance); fi

words=()
while IFS= read -r -d '' word; do words+=("$word"); done < <(xargs printf '%s\0' <<<"$ARGUMENTS")

code=0
"${program[@]}" run "${words[@]}" --out "$OUT" --reporter html,junit,json,github || code=$?
if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "report=$OUT/report.html" >>"$GITHUB_OUTPUT"; fi
if [ -z "${BASELINE:-}" ] || [ "$code" -gt 1 ]; then exit "$code"; fi
"${program[@]}" compare "$BASELINE" "$OUT" --out "$OUT/compare"
