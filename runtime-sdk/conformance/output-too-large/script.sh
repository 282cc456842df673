#!/usr/bin/env bash
filler=$(head -c 1048576 /dev/zero | tr '\0' x)
message=$(cronium_output "\"$filler\"" 2>&1)
code=${message##*\(}
printf '"%s"\n' "${code%\)}"
cronium_output "\"${filler:2}\""
