#!/usr/bin/env bash
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf 'what was saved' >"$folder/one"
cronium_save_artifact "$folder/one"
message=$(cronium_load_artifact one "$folder/back" 2>&1) || message=${message##*\(}
[ -e "$folder/back" ] && there=true || there=false
printf '["%s",%s]\n' "${message%\)}" "$there"
