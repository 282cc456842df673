# The Cronium runtime API for Bash scripts. Inside a run these functions are there without sourcing
# anything, also in child bashes:
#
#   name=$(cronium_input | jq -r .name)
#   cronium_output '{"greeting":"Hello"}'
#   cronium_context                        prints what this run is, as JSON
#   password=$(cronium_secret DB_PASSWORD)
#   region=$(cronium_get_variable REGION eu-1)
#
# A failure prints one line with a stable code to stderr and returns 1, so that `set -e` ends the
# script. No call takes longer than 40 seconds. Outside a run, source this file and set
# CRONIUM_INPUT to a JSON value to try a script. Needs curl, or socat where curl is missing.
# shellcheck shell=bash

# Prints the input of this run, any JSON value; null when there is none.
cronium_input() {
  _cronium_call GET input
}

# Sets the result of this run, one JSON value up to 1 MiB: cronium_output JSON. With `-`, or without
# an argument, the JSON is read from stdin. The last call counts.
cronium_output() {
  if [ $# -gt 1 ]; then
    _cronium_fail invalid_json "cronium_output takes one JSON value, not $#: put it in single quotes"
    return
  fi
  local value=${1--}
  [ "$value" != - ] || value=$(cat) || return
  # A substitution instead of this pattern takes minutes for a megabyte.
  if [[ $value != *[!$' \t\r\n']* ]]; then
    _cronium_fail invalid_json 'The output is empty; for a string write "\"\"", for nothing write null'
    return
  fi
  local LC_ALL=C
  if [ "${#value}" -gt 1048576 ]; then
    _cronium_fail output_too_large \
      "The output is ${#value} bytes of JSON; the most is 1048576. Write large data to a mount."
    return
  fi
  _cronium_call POST output "$value"
}

# Prints what this run is, as a JSON object.
cronium_context() {
  _cronium_call GET context
}

# Prints the value of a secret that the event names, as it is: cronium_secret NAME. Outside a run it
# is the environment variable of that name.
cronium_secret() {
  _cronium_name "$@" && _cronium_call GET "secrets/$1"
}

# Prints the value of a variable: cronium_get_variable NAME [DEFAULT]. A string is printed as it is,
# any other value as JSON. Without a variable of this name DEFAULT is printed, if there is one.
# Outside a run it is the environment variable of that name.
cronium_get_variable() {
  _cronium_name "$@" || return
  if [ $# -eq 1 ]; then
    _cronium_call GET "variables/$1"
    return
  fi
  local answer
  # A call that succeeds says nothing on stderr, one that fails nothing on stdout.
  if answer=$(_cronium_call GET "variables/$1" 2>&1); then
    printf '%s\n' "$answer"
    return
  fi
  case $answer in
    *'(not_found)' | *'(not_in_run)') printf '%s\n' "$2" ;;
    *)
      printf '%s\n' "$answer" >&2
      return 1
      ;;
  esac
}

_cronium_name() {
  case ${1-} in
    '' | *[!A-Za-z0-9_]*) _cronium_fail not_found "'${1-}' is not the name of a secret or a variable" ;;
  esac
}

_cronium_fail() {
  printf 'cronium: %s (%s)\n' "$2" "$1" >&2
  return 1
}

# _cronium_call METHOD NAME [BODY]. A sidecar that was killed is back within a second under the same
# address and every call may be repeated, so a connection that is refused or breaks off is tried
# again for 5 s; an answer, whatever it says, is final.
_cronium_call() {
  local method=$1 name=$2 body=${3-} api=${CRONIUM_API:-unix:///run/cronium/api.sock} answer status failure
  if [ -z "${CRONIUM_RUN_ID:-}" ] || [ -z "${CRONIUM_TOKEN:-}" ]; then
    _cronium_local "$name" "$body"
    return
  fi
  case $api in
    unix:///* | http://*) ;;
    *) _cronium_fail api_unreachable "CRONIUM_API is '$api'; it must start with unix:// or http://"; return ;;
  esac
  local path=/v1/executions/$CRONIUM_RUN_ID/$name
  # These are printed as they are, for shells.
  case $name in secrets/* | variables/*) path+='?format=text' ;; esac
  local give_up=$((SECONDS + 5)) pause=0.05
  while true; do
    failure=0
    # The dot keeps newlines at the end of the body, which $(…) would drop.
    answer=$(_cronium_exchange "$method" "$path" "$body" "$api" 2>/dev/null && printf .) || failure=$?
    case $failure in
      0) break ;;
      # curl's numbers: refused; broken off before, while or after sending; not whole.
      7 | 18 | 52 | 55 | 56) ;;
      28)
        _cronium_fail api_timeout "The runtime API at $api did not answer $method $path within 30 s"
        return
        ;;
      127)
        _cronium_fail api_unreachable 'Neither curl nor socat is installed; the functions need one of them'
        return
        ;;
      *)
        _cronium_fail api_unreachable "The runtime API at $api cannot be called: curl ended with $failure"
        return
        ;;
    esac
    [ "$SECONDS" -lt "$give_up" ] || {
      _cronium_fail api_unreachable "The runtime API at $api could not be reached for 5 s"
      return
    }
    sleep "$pause"
    pause=0.25
  done
  answer=${answer%.}
  # The status stands on a line of its own after the body.
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  case $status in
    2??) [ -z "$answer" ] || printf '%s\n' "$answer" ;;
    *) _cronium_problem "$status" "$answer" ;;
  esac
}

# Prints the body, a newline and the status. Exit codes are curl's: 28 means out of time.
# The token goes through a file descriptor, never through arguments, which other processes can read.
_cronium_exchange() {
  local method=$1 path=$2 body=$3 api=$4
  if command -v curl >/dev/null; then
    local options=(--silent --noproxy '*' --max-time 30 --request "$method" --write-out '\n%{http_code}')
    case $api in
      unix://*) options+=(--unix-socket "${api#unix://}" "http://cronium$path") ;;
      *) options+=("${api%/}$path") ;;
    esac
    [ "$method" = GET ] || options+=(--header 'Content-Type: application/json' --header Expect: --data-binary @-)
    printf '%s' "$body" | curl --config <(printf 'header = "Authorization: Bearer %s"\n' "$CRONIUM_TOKEN") "${options[@]}"
  elif command -v socat >/dev/null; then
    _cronium_socat "$@"
  else
    return 127
  fi
}

# HTTP/1.0, so that the answer is never chunked and ends with the connection.
_cronium_socat() {
  local method=$1 path=$2 body=$3 api=$4 address status line LC_ALL=C
  case $api in
    unix://*) address=UNIX-CONNECT:${api#unix://} ;;
    *) address=${api#http://} address=TCP:${address%%/*} ;;
  esac
  {
    printf '%s %s HTTP/1.0\r\nHost: cronium\r\nAuthorization: Bearer %s\r\n' "$method" "$path" "$CRONIUM_TOKEN"
    [ "$method" = GET ] || printf 'Content-Type: application/json\r\nContent-Length: %d\r\n' "${#body}"
    printf '\r\n%s' "$body"
  } | socat -t 30 -T 30 - "$address,shut-none" | {
    IFS=' ' read -r _ status _ || return 7
    while IFS= read -r line && [ "$line" != $'\r' ]; do :; done
    cat
    printf '\n%s' "$status"
  }
}

# Reads code and detail out of a problem without jq, which a user's own image may lack.
_cronium_problem() {
  local code='' detail=''
  local string='"(([^"\\]|\\.)*)"'
  [[ $2 =~ \"code\"[[:space:]]*:[[:space:]]*$string ]] && code=${BASH_REMATCH[1]}
  [[ $2 =~ \"detail\"[[:space:]]*:[[:space:]]*$string ]] && detail=${BASH_REMATCH[1]}
  detail=${detail//\\\"/\"}
  _cronium_fail "${code:-internal}" "${detail:-The runtime API answered with status $1}"
}

_cronium_local() {
  local variable=${1##*/}
  case $1 in
    secrets/* | variables/*)
      if [ -n "${!variable+set}" ]; then
        printf '%s\n' "${!variable}"
      else
        _cronium_fail not_in_run "This script does not run under Cronium (CRONIUM_RUN_ID and CRONIUM_TOKEN are not set). \
To try it here, set $variable in its environment"
      fi
      return
      ;;
  esac
  if [ -z "${CRONIUM_INPUT+set}" ]; then
    _cronium_fail not_in_run "This script does not run under Cronium (CRONIUM_RUN_ID and CRONIUM_TOKEN are not set). \
To try it here, give it an input: CRONIUM_INPUT='{\"name\":\"value\"}' bash main.sh"
    return
  fi
  local now
  case $1 in
    input) printf '%s\n' "$CRONIUM_INPUT" ;;
    output) printf 'cronium output: %s\n' "$2" >&2 ;;
    context)
      now=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
      printf '{"runId":"local","attempt":1,"eventId":null,"eventName":"local","eventVersion":null,%s}\n' \
        "\"workspaceId\":\"local\",\"trigger\":\"manual\",\"runnerName\":\"local\",\"queuedAt\":\"$now\",\
\"startedAt\":\"$now\",\"timeoutMs\":3600000,\"memoryMb\":512"
      ;;
  esac
}
