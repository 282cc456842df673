#!/usr/bin/env bash
set -euo pipefail
code() {
  local message
  if message=$(cronium_set_variable --json "$@" 2>&1); then return; fi
  message=${message##*\(}
  printf '%s' "${message%\)}"
}
large=$(head -c 65536 /dev/zero | tr '\0' x)
huge=$(head -c 10000000 /dev/zero | tr '\0' x)
printf '["%s","%s","%s"]\n' "$(code A "\"$large\"")" "$(code A "\"$huge\"")" "$(code NO-NAME 1)"
