#!/usr/bin/env bash
set -euo pipefail
code() {
  local message
  if message=$("$@" 2>&1); then return; fi
  message=${message##*\(}
  printf '%s' "${message%\)}"
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
head -c 700000 /dev/urandom >"$folder/one"
: >"$folder/empty"
cronium_save_artifact "$folder/one" 'data/r é.bin' application/x-test
cronium_save_artifact "$folder/one" 'data/r é.bin' application/x-test
cronium_save_artifact "$folder/empty"
cronium_load_artifact 'data/r é.bin' "$folder/back"
first=different
! cmp -s "$folder/one" "$folder/back" || first=same
cronium_load_artifact empty "$folder/back"
second=different
! cmp -s "$folder/empty" "$folder/back" || second=same
kept=$(cronium_list_artifacts | jq -c 'sort_by(.name) | map([.name, .bytes])')
codes=$(jq -cn '$ARGS.positional' --args -- "$(code cronium_save_artifact "$folder/empty" 'data/r é.bin')" \
  "$(code cronium_save_artifact "$folder/empty" ../up)" "$(code cronium_load_artifact absent "$folder/back")")
jq -cn --argjson kept "$kept" --argjson codes "$codes" --arg first "$first" --arg second "$second" \
  '[[$kept[0] + [$first], $kept[1] + [$second]]] + $codes'
