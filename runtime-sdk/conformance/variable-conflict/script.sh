#!/usr/bin/env bash
set -euo pipefail
code() {
  local message
  if message=$("$@" 2>&1); then return; fi
  message=${message##*\(}
  printf '%s' "${message%\)}"
}
before=$(cronium_get_variable_version N)
cronium_set_variable --json --if-version 0 N 1
again=$(code cronium_set_variable --json --if-version 0 N 7)
version=$(cronium_get_variable_version N)
value=$(cronium_get_variable N)
cronium_set_variable --json --if-version "$version" N $((value + 1))
late=$(code cronium_delete_variable --if-version "$version" N)
printf '[%s,%s,"%s","%s",%s]\n' "$before" "$version" "$again" "$late" "$(cronium_get_variable N)"
