#!/usr/bin/env bash
set -euo pipefail
cronium_lock --ttl 1 k
sleep 0.1
ran=ran
message=$(cronium_unlock k 2>&1) || message=${message##*\(}
printf '["%s","%s"]\n' "$ran" "${message%\)}"
