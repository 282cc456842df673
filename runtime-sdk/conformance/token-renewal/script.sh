#!/usr/bin/env bash
set -euo pipefail
before=$CRONIUM_TOKEN
file=$(mktemp)
trap 'rm -f "$file"' EXIT
# Not in $(…), which has an environment of its own.
cronium_input >"$file"
[ "$CRONIUM_TOKEN" = "$before" ] && what=kept || what=renewed
printf '[%s,"%s"]\n' "$(<"$file")" "$what"
