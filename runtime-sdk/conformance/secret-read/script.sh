#!/usr/bin/env bash
set -e
value=$(cronium_secret TOKEN)
message=$(cronium_secret ABSENT 2>&1) || code=${message##*\(}
jq -cn '$ARGS.positional' --args -- "$value" "${code%\)}"
