#!/usr/bin/env bash
set -euo pipefail
file=$(mktemp)
trap 'rm -f "$file"' EXIT
truncate -s 268435457 "$file"
message=$(cronium_save_artifact "$file" large 2>&1) || message=${message##*\(}
printf '["%s",%s]\n' "${message%\)}" "$(cronium_list_artifacts | jq length)"
