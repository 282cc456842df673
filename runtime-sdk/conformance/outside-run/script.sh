#!/usr/bin/env bash
set -e
value=$(cronium_input)
[[ $(cronium_context) =~ \"runId\":\"([a-z]+)\" ]]
printf '[%s,"%s"]\n' "$value" "${BASH_REMATCH[1]}"
cronium_output "$value"
