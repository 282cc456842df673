#!/usr/bin/env bash
set -e
if [ -n "${ONLY_DEFAULT:-}" ]; then
  cronium_get_variable ABSENT fallback
fi
region=$(cronium_get_variable REGION)
limits=$(cronium_get_variable LIMITS)
absent=$(cronium_get_variable ABSENT fallback)
message=$(cronium_get_variable MISSING 2>&1) || code=${message##*\(}
jq -cn --argjson limits "$limits" '[$ARGS.positional[0], $limits] + $ARGS.positional[1:]' \
  --args -- "$region" "$absent" "${code%\)}"
