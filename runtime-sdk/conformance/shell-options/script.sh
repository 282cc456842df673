#!/usr/bin/env bash
set -euo pipefail
IFS=:
value=$(cronium_input | cat)
[ "$value" = '{"n":1}' ]
{
  printf '"'
  head -c 524000 /dev/zero | sed 's/\x00/é/g'
  printf '"'
} | cronium_output -
cronium_set_variable --json LIST '[1, 2]'
cronium_get_variable LIST | cat >/dev/null
cronium_progress 0.5 'a:b'
cronium_lock k
cronium_unlock k
# What is refused before it is read must not end the pipe early.
large=$(head -c 300000 /dev/zero | tr '\0' x)
if cronium_set_variable A "$large" 2>/dev/null; then
  echo 'was not refused'
  exit 2
fi
echo '"reached"'
cronium_secret ABSENT
echo '"not reached"'
