#!/usr/bin/env bash
set -euo pipefail
attempt() {
  local message
  if message=$(cronium_lock --wait 0 ledger/2026 2>&1); then
    printf free
  else
    message=${message##*\(}
    printf '%s' "${message%\)}"
  fi
}
cronium_lock --ttl 1 ledger/2026
first=$(attempt)
sleep 1.5
second=$(attempt)
# It is not waited for: what renews the lock never ends by itself.
wait
cronium_unlock ledger/2026
printf '["%s","%s","%s"]\n' "$first" "$second" "$(attempt)"
