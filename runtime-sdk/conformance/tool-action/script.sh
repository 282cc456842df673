#!/usr/bin/env bash
set -euo pipefail
result=$(cronium_tool_action echo '{"text":"ü }","list":[1,{"a":null}]}')
nothing=$(cronium_tool_action echo)
message=$(cronium_tool_action 'make coffee' 2>&1) || message=${message##*\(}
printf '[%s,%s,"%s"]\n' "$result" "$nothing" "${message%\)}"
