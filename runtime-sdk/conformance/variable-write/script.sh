#!/usr/bin/env bash
set -euo pipefail
cronium_set_variable TEXT first
cronium_set_variable TEXT $'a "b"\n\tü'
cronium_set_variable --json DATA '{"deep":[1,null]}'
cronium_delete_variable OLD
cronium_delete_variable OLD
text=$(cronium_get_variable TEXT)
data=$(cronium_get_variable DATA)
version=$(cronium_get_variable_version TEXT)
old=$(cronium_get_variable OLD gone)
jq -cn --argjson version "$version" '[$ARGS.positional[0,1], $version, $ARGS.positional[2]]' --args -- "$text" "$data" "$old"
