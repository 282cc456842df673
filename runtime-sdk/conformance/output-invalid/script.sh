#!/usr/bin/env bash
codes=()
for value in 'not json' '{"a":1' ''; do
  message=$(cronium_output "$value" 2>&1) && continue
  code=${message##*\(}
  codes+=("\"${code%\)}\"")
done
printf '[%s,%s,%s]\n' "${codes[@]}"
