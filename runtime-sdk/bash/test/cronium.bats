#!/usr/bin/env bats
# The functions by themselves; what they do on the real sidecar stands in ../../conformance.

setup_file() {
  export BASH_ENV="$BATS_TEST_DIRNAME/../cronium.sh"
  export SOCKET="$BATS_FILE_TMPDIR/api.sock" RECORD="$BATS_FILE_TMPDIR/record"
  python3 "$BATS_TEST_DIRNAME/server.py" "$SOCKET" "$RECORD" 3>&- &
  echo $! >"$BATS_FILE_TMPDIR/pid"
  for _ in {1..200}; do
    [ ! -S "$SOCKET" ] || return 0
    read -r -t 0.05 <> <(:) || true
  done
  echo 'the server did not start' >&2
  return 1
}

teardown_file() {
  kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

setup() {
  unset CRONIUM_INPUT CRONIUM_API
  export CRONIUM_RUN_ID=ok CRONIUM_TOKEN=secret CRONIUM_API="unix://$SOCKET"
  : >"$RECORD"
}

outside() { unset CRONIUM_RUN_ID CRONIUM_TOKEN CRONIUM_API; }

@test "cronium_input asks for the input of its run with its token" {
  run bash -c cronium_input
  [ "$status" = 0 ]
  [ "$output" = '{"n":1}' ]
  [ "$(cat "$RECORD")" = 'GET /v1/executions/ok/input Bearer secret ' ]
}

@test "cronium_output sends its argument byte for byte" {
  CRONIUM_RUN_ID=empty run bash -c "cronium_output '{\"a\":\"é \$HOME \\\\ @file\"}'"
  [ "$status" = 0 ]
  [ -z "$output" ]
  # shellcheck disable=SC2016 # the text itself holds a dollar
  [ "$(cat "$RECORD")" = 'POST /v1/executions/empty/output Bearer secret {"a":"é $HOME \\ @file"}' ]
}

@test "cronium_output reads stdin without an argument and with a dash" {
  export CRONIUM_RUN_ID=empty
  printf '[1]' | bash -c cronium_output
  printf '[2]' | bash -c 'cronium_output -'
  [ "$(cut -d' ' -f4- "$RECORD" | paste -sd,)" = 'secret [1],secret [2]' ]
}

@test "an answer is printed with one newline at its end" {
  CRONIUM_RUN_ID=newlines run bash -c 'cronium_input; echo after'
  [ "${lines[0]}" = '{"n":1}' ]
  [ "${lines[-1]}" = after ]
}

@test "a problem is one line on stderr with its detail and code" {
  CRONIUM_RUN_ID=problem run bash -c 'cronium_input 2>&1 >/dev/null'
  [ "$status" = 1 ]
  [ "$output" = 'cronium: Say "please" (first). (brand_new)' ]
}

@test "an answer that is no problem document is told by its status" {
  CRONIUM_RUN_ID=odd run bash -c cronium_context
  [ "$status" = 1 ]
  [ "$output" = 'cronium: The runtime API answered with status 500 (internal)' ]
}

@test "a failure ends a script that runs with set -e" {
  CRONIUM_RUN_ID=odd run bash -c 'set -e; value=$(cronium_input 2>/dev/null); echo "not reached"'
  [ "$status" = 1 ]
  [ -z "$output" ]
}

@test "scripts with set -eu and their own IFS can call every function" {
  run bash -euc 'IFS=:; cronium_input; cronium_context; cronium_output 1'
  [ "$status" = 0 ]
}

@test "a proxy of the environment is not asked" {
  http_proxy=http://127.0.0.1:1 run bash -c cronium_input
  [ "$status" = 0 ]
}

@test "empty and several arguments are refused before anything is sent" {
  for arguments in '""' '" "' '{"a": 1}'; do
    run bash -c "cronium_output $arguments"
    [ "$status" = 1 ]
    [[ $output == *'(invalid_json)' ]]
  done
  [ ! -s "$RECORD" ]
}

@test "an address of another kind is refused at once" {
  CRONIUM_API=ftp://127.0.0.1 run bash -c cronium_input
  [ "$status" = 1 ]
  [[ $output == *'must start with unix:// or http:// (api_unreachable)' ]]
}

@test "the token is in no command line that others could read" {
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"%s"\nexit 2\n' "$BATS_TEST_TMPDIR/arguments" >"$BATS_TEST_TMPDIR/bin/curl"
  chmod +x "$BATS_TEST_TMPDIR/bin/curl"
  PATH="$BATS_TEST_TMPDIR/bin:$PATH" timeout 20 bash -c cronium_input || true
  grep -q -- --unix-socket "$BATS_TEST_TMPDIR/arguments"
  run grep -c secret "$BATS_TEST_TMPDIR/arguments"
  [ "$output" = 0 ]
}

@test "outside a run every function explains how to try the script" {
  outside
  for call in cronium_input cronium_context 'cronium_output 1'; do
    run bash -c "$call"
    [ "$status" = 1 ]
    [[ $output == *CRONIUM_INPUT=*'(not_in_run)' ]]
  done
}

@test "an injected input makes the functions work anywhere" {
  outside
  CRONIUM_INPUT='{"n":[1]}' run bash -c 'cronium_output "$(cronium_input)" && cronium_context'
  [ "$status" = 0 ]
  [ "${lines[0]}" = 'cronium output: {"n":[1]}' ]
  [[ ${lines[1]} == '{"runId":"local",'*'}' ]]
}
