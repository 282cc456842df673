#!/usr/bin/env bash
set -euo pipefail
code() {
  local message
  if message=$("$@" 2>&1); then return; fi
  message=${message##*\(}
  printf '%s' "${message%\)}"
}
cronium_set_condition true
cronium_set_condition false
cronium_progress - starting
cronium_progress .75 'copying "a"'
cronium_set_run_name first
cronium_set_run_name 'Größe 7'
printf '["%s","%s"]\n' "$(code cronium_progress 1.5)" "$(code cronium_set_run_name '')"
