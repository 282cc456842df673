# The Cronium runtime API for Bash scripts. Inside a run these functions are there without sourcing
# anything, also in child bashes:
#
#   name=$(cronium_input | jq -r .name)
#   cronium_output '{"greeting":"Hello"}'
#   cronium_context                        prints what this run is, as JSON
#   password=$(cronium_secret DB_PASSWORD)
#   region=$(cronium_get_variable REGION eu-1)
#   cronium_set_variable REGION eu-2
#
# A failure prints one line with a stable code to stderr and returns 1, so that `set -e` ends the
# script. No call takes longer than a minute, but cronium_lock for as long as it is told to wait.
# Outside a run, source this file and set CRONIUM_INPUT to a JSON value to try a script, or use
# `cronium dev run main.sh`. Needs curl; for all but artifacts socat will do where curl is missing.
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
      "The output is ${#value} bytes of JSON; the most is 1048576. Save large data as an artifact."
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
  _cronium_name not_found "$@" && _cronium_call GET "secrets/$1" '' text
}

# Prints the value of a variable: cronium_get_variable NAME [DEFAULT]. A string is printed as it is,
# any other value as JSON. Without a variable of this name DEFAULT is printed, if there is one.
# Outside a run it is the environment variable of that name.
cronium_get_variable() {
  _cronium_name not_found "$@" || return
  if [ $# -eq 1 ]; then
    _cronium_call GET "variables/$1" '' text
    return
  fi
  local answer
  # A call that succeeds says nothing on stderr, one that fails nothing on stdout.
  if answer=$(_cronium_call GET "variables/$1" '' text 2>&1); then
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

# Prints the version of a variable, 0 where there is none: cronium_get_variable_version NAME. Read it
# before the value, and nothing that happens in between is overwritten with --if-version.
cronium_get_variable_version() {
  _cronium_name not_found "$@" || return
  local answer
  if answer=$(_cronium_call GET "variables/$1" '' version 2>&1); then
    printf '%s\n' "$answer"
    return
  fi
  case $answer in
    *'(not_found)') echo 0 ;;
    *)
      printf '%s\n' "$answer" >&2
      return 1
      ;;
  esac
}

# Sets a variable to a text, or with --json to any JSON value, up to 64 KiB:
# cronium_set_variable [--json] [--if-version N] [--scope event|workspace] NAME VALUE. With --if-version
# it fails with version_conflict where the variable has another version, 0 meaning that it is not there.
cronium_set_variable() {
  local json='' version='' scope=''
  while true; do
    case ${1-} in
      --json) json=yes; shift ;;
      --if-version) _cronium_whole "$1" "${2-}" || return; version=",\"ifVersion\":$2"; shift 2 ;;
      --scope) scope="?scope=${2-}"; shift; shift ;;
      *) break ;;
    esac
  done
  _cronium_name invalid_name "$@" || return
  if [ $# -ne 2 ]; then
    _cronium_fail invalid_value "cronium_set_variable takes a name and a value, not $# arguments"
    return
  fi
  local value=$2
  [ -n "$json" ] || _cronium_quote_json value
  _cronium_call PUT "variables/$1$scope" "{\"value\":$value$version}" quiet
}

# Removes a variable; one that is not there is no error: cronium_delete_variable [--if-version N] NAME.
cronium_delete_variable() {
  local version=''
  if [ "${1-}" = --if-version ]; then
    _cronium_whole "$1" "${2-}" || return
    version="?ifVersion=$2"
    shift 2
  fi
  _cronium_name invalid_name "$@" || return
  _cronium_call DELETE "variables/$1$version"
}

# Prints the names of all variables that begin with PREFIX, one on a line: cronium_list_variables [PREFIX].
cronium_list_variables() {
  local prefix=${1-} cursor='' page
  _cronium_escape prefix
  while true; do
    page=$(_cronium_call GET "variables?prefix=$prefix$cursor" '' names) || return
    page=${page%.}
    cursor=${page##*$'\n'}
    page=${page%$'\n'*}
    [ -z "$page" ] || printf '%s\n' "$page"
    [ -n "$cursor" ] || return 0
    _cronium_escape cursor
    cursor="&cursor=$cursor"
  done
}

# Holds a lock over all runs of the workspace until cronium_unlock NAME, and renews it meanwhile:
# cronium_lock [--ttl SECONDS] [--wait SECONDS] NAME. It waits for a lock that somebody else holds, 30 s
# by default, then fails with `locked`. Without a renewal the lock is free after --ttl, 30 s by
# default; it ends with its run in any case. Not in a subshell.
cronium_lock() {
  local ttl=30000 left=30000
  while true; do
    case ${1-} in
      --ttl) _cronium_ms ttl "$1" "${2-}" || return; shift 2 ;;
      --wait) _cronium_ms left "$1" "${2-}" || return; shift 2 ;;
      *) break ;;
    esac
  done
  local key=${1-} wait answer
  _cronium_escape key
  while true; do
    wait=$((left < 10000 ? left : 10000))
    if answer=$(_cronium_call POST "locks/$key" "{\"ttlMs\":$ttl,\"waitMs\":$wait}" 2>&1); then break; fi
    left=$((left - (wait > 100 ? wait : 100)))
    if [[ $answer != *'(locked)' ]] || [ "$left" -le 0 ]; then
      printf '%s\n' "$answer" >&2
      return 1
    fi
    sleep 0.1
  done
  local id
  id=$(_cronium_field lockId "$answer")
  declare -gA _CRONIUM_LOCKS
  _CRONIUM_LOCKS[$key]="$id $ttl "
  _cronium_keep_lock "$key" "$id" "$ttl" &
  _CRONIUM_LOCKS[$key]+=$!
  # A `wait` of the script is not for this.
  disown "$!"
}

# Gives a lock back; fails with lock_lost where it may have been somebody else's in between.
cronium_unlock() {
  local key=${1-} id ttl keeper
  _cronium_escape key
  declare -gA _CRONIUM_LOCKS
  if [ -z "${_CRONIUM_LOCKS[$key]-}" ]; then
    _cronium_fail lock_lost "'${1-}' is not a lock that this shell holds"
    return
  fi
  IFS=' ' read -r id ttl keeper <<<"${_CRONIUM_LOCKS[$key]}"
  unset "_CRONIUM_LOCKS[$key]"
  kill "$keeper" 2>/dev/null || true
  _cronium_call PUT "locks/$key" "{\"lockId\":\"$id\",\"ttlMs\":$ttl}" quiet || return
  _cronium_call DELETE "locks/$key?lockId=$id"
}

# Sets the verdict of this run: cronium_set_condition true|false. The last call counts.
cronium_set_condition() {
  case ${1-} in
    true | false) _cronium_call POST condition "{\"value\":$1}" ;;
    *) _cronium_fail invalid_value "A condition is true or false, not '${1-}'" ;;
  esac
}

# Has the control plane perform an action and prints its result as JSON: cronium_tool_action NAME [JSON].
cronium_tool_action() {
  local name=${1-} answer
  _cronium_escape name
  answer=$(_cronium_call POST "tool-actions/$name" "{\"params\":${2:-null}}") || return
  answer=${answer#*\"result\":}
  printf '%s\n' "${answer%\}*}"
}

# Says how far this run is, from 0 to 1 or `-`, and what it does: cronium_progress FRACTION [MESSAGE].
cronium_progress() {
  local fraction=${1-} message=${2-}
  case $fraction in
    - | '') fraction=null ;;
    *)
      if ! [[ $fraction =~ ^(0(\.[0-9]+)?|1(\.0+)?|\.[0-9]+)$ ]]; then
        _cronium_fail invalid_value "Progress is a number from 0 to 1 or '-', not '$fraction'"
        return
      fi
      [[ $fraction != .* ]] || fraction=0$fraction
      ;;
  esac
  if [ $# -lt 2 ]; then message=null; else _cronium_quote_json message; fi
  _cronium_call POST progress "{\"fraction\":$fraction,\"message\":$message}"
}

# Gives this run a name, which lists show beside its event's: cronium_set_run_name NAME.
cronium_set_run_name() {
  local name=${1-}
  _cronium_quote_json name
  _cronium_call POST name "{\"name\":$name}"
}

# Keeps a file with this run: cronium_save_artifact FILE [NAME [CONTENT-TYPE]]. Its own name by default.
cronium_save_artifact() {
  local file=${1-} name=${2-} type=${3:-application/octet-stream} sum=''
  if [ ! -f "$file" ] || [ ! -r "$file" ]; then
    _cronium_fail invalid_value "'$file' is not a file that can be read"
    return
  fi
  if [ "$(wc -c <"$file")" -gt 268435456 ]; then
    _cronium_fail artifact_too_large "'$file' is larger than 268435456 bytes, the most that an artifact may have"
    return
  fi
  [ -n "$name" ] || name=${file##*/}
  _cronium_escape name
  # A name that begins with a dash would be an option.
  case $file in /*) ;; *) file=./$file ;; esac
  sum=$(_cronium_sha256 "$file")
  local _cronium_headers=("Content-Type: $type") _cronium_upload=$file
  [ -z "$sum" ] || _cronium_headers+=("cronium-sha256: $sum")
  _cronium_call POST "artifacts?name=$name" '' quiet
}

# Writes an artifact of this run into a file: cronium_load_artifact NAME FILE.
cronium_load_artifact() {
  local name=${1-} file=${2-} part expected sum
  _cronium_escape name
  part=$(mktemp "$file.XXXXXX") || return
  local _cronium_download=$part
  if ! expected=$(_cronium_call GET "artifacts/$name" '' checksum); then
    rm -f "$part"
    return 1
  fi
  sum=$(_cronium_sha256 "$part")
  if [ -n "$expected" ] && [ -n "$sum" ] && [ "$expected" != "$sum" ]; then
    rm -f "$part"
    _cronium_fail checksum_mismatch "The artifact '$1' arrived with SHA-256 $sum, not $expected"
    return
  fi
  mv -f "$part" "$file"
}

# Prints the artifacts of this run as a JSON list of name, bytes and sha256.
cronium_list_artifacts() {
  local answer
  answer=$(_cronium_call GET artifacts) || return
  answer=${answer#*\"items\":}
  printf '%s\n' "${answer%\}*}"
}

# What is printed between these two is one group of the log, which a viewer may fold: plain text.
cronium_group() {
  local title="$*"
  printf '##[group]%s\n' "${title//[[:space:]]/ }"
}
cronium_endgroup() {
  printf '##[endgroup]\n'
}

_cronium_name() {
  case ${2-} in
    '' | *[!A-Za-z0-9_]*) _cronium_fail "$1" "'${2-}' is not the name of a secret or a variable" ;;
  esac
}

_cronium_whole() {
  case $2 in
    '' | *[!0-9]*) _cronium_fail invalid_value "$1 takes a whole number, not '$2'" ;;
  esac
}

# _cronium_ms VARIABLE OPTION SECONDS: seconds, also with a fraction, as milliseconds.
_cronium_ms() {
  if ! [[ $3 =~ ^([0-9]{1,6})(\.([0-9]{1,3})[0-9]*)?$ ]]; then
    _cronium_fail invalid_value "$2 takes a number of seconds, not '$3'"
    return
  fi
  local part=${BASH_REMATCH[3]-}000
  printf -v "$1" '%d' $((10#${BASH_REMATCH[1]} * 1000 + 10#${part:0:3}))
}

_cronium_fail() {
  printf 'cronium: %s (%s)\n' "$2" "$1" >&2
  return 1
}

# Writes the text in a variable as a JSON string, quotes included.
_cronium_quote_json() {
  local -n _cronium_text=$1
  local LC_ALL=C code character
  _cronium_text=${_cronium_text//\\/\\\\}
  _cronium_text=${_cronium_text//\"/\\\"}
  if [[ $_cronium_text == *[$'\x01'-$'\x1f']* ]]; then
    for code in {1..31}; do
      printf -v character '%b' "\\x$(printf '%02x' "$code")"
      printf -v code '\\u%04x' "$code"
      _cronium_text=${_cronium_text//"$character"/"$code"}
    done
  fi
  _cronium_text="\"$_cronium_text\""
}

# Writes the text in a variable as a part of an address.
_cronium_escape() {
  local -n _cronium_text=$1
  case $_cronium_text in *[!A-Za-z0-9_]*) ;; *) return 0 ;; esac
  local LC_ALL=C from=$_cronium_text index character code
  _cronium_text=
  for ((index = 0; index < ${#from}; index++)); do
    character=${from:index:1}
    case $character in
      [A-Za-z0-9_]) ;;
      *)
        printf -v code '%d' "'$character"
        printf -v character '%%%02X' $((code & 255))
        ;;
    esac
    _cronium_text+=$character
  done
}

_cronium_sha256() {
  local sum=''
  if command -v sha256sum >/dev/null; then
    sum=$(sha256sum <"$1")
  elif command -v shasum >/dev/null; then
    sum=$(shasum -a 256 <"$1")
  fi
  printf '%s' "${sum%% *}"
}

# A text field of a flat JSON object without escapes in it: an id or a token.
_cronium_field() {
  local field="\"$1\"[[:space:]]*:[[:space:]]*\"([^\"\\\\]*)\""
  [[ $2 =~ $field ]] && printf '%s' "${BASH_REMATCH[1]}"
}

# Ends with the lock, or with the shell that holds it. It keeps nothing of that shell's open.
_cronium_keep_lock() {
  trap - EXIT ERR DEBUG INT TERM
  exec </dev/null >/dev/null 2>&1
  local pause
  printf -v pause '%d.%03d' $(($3 / 3000)) $(($3 / 3 % 1000))
  exec {_cronium_never}<> <(:)
  while kill -0 "$$"; do
    # sleep would be a child that outlives this.
    read -r -t "$pause" -u "$_cronium_never" || true
    if ! kill -0 "$$" || ! _cronium_call PUT "locks/$1" "{\"lockId\":\"$2\",\"ttlMs\":$3}"; then break; fi
  done
}

# _cronium_call METHOD NAME [BODY [WHAT]]. WHAT is printed: the answer; `text` for values as they are,
# `names` of variables and a cursor, only the `version` or `checksum` of the answer, or nothing (`quiet`).
#
# A sidecar that was killed is back within a second under the same address and every call may be
# repeated: writes carry the same Idempotency-Key each time. So a connection that is refused or
# breaks off is tried again for 5 s, an answer 429 or 503 for 30 s; any other answer is final.
_cronium_call() {
  local method=$1 name=$2 body=${3-} what=${4-} api=${CRONIUM_API:-unix:///run/cronium/api.sock}
  if [ -z "${CRONIUM_RUN_ID:-}" ] || [ -z "${CRONIUM_TOKEN:-}" ]; then
    _cronium_local "$name" "$body"
    return
  fi
  case $api in
    unix:///* | http://*) ;;
    *) _cronium_fail api_unreachable "CRONIUM_API is '$api'; it must start with unix:// or http://"; return ;;
  esac
  local path=/v1/executions/$CRONIUM_RUN_ID/$name key='' renewed='' answer status after version sum cursor failure
  case $what in
    text) path+='?format=text' ;;
    names) path+='&format=text' ;;
  esac
  [ "$method" = GET ] || key=$(_cronium_key)
  if _cronium_ends_soon; then _cronium_renew "$api" || true; fi
  local give_up='' busy_until='' pause=0.05 busy_pause=1
  while true; do
    failure=0
    # The dot keeps newlines at the end of the body, which $(…) would drop.
    answer=$(_cronium_exchange "$method" "$path" "$body" "$api" "$key" 2>/dev/null && printf .) || failure=$?
    case $failure in
      0)
        answer=${answer%.}
        # Status and headers stand on a line of their own after the body.
        # curl shows an empty header with its line end.
        status=${answer##*$'\n'}
        IFS=, read -r status after version sum cursor <<<"${status//$'\r'/}"
        answer=${answer%$'\n'*}
        case $status in
          429 | 503)
            give_up=
            [ -n "$busy_until" ] || busy_until=$((SECONDS + 30))
            case $after in '' | *[!0-9]*) after=$busy_pause ;; esac
            if [ $((SECONDS + after)) -le "$busy_until" ]; then
              sleep "$after.$((RANDOM % 90 + 10))"
              busy_pause=$((busy_pause < 4 ? busy_pause * 2 : 5))
              continue
            fi
            ;;
          401)
            if [ -z "$renewed" ]; then
              renewed=yes
              if _cronium_renew "$api"; then continue; fi
            fi
            ;;
        esac
        break
        ;;
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
    [ -n "$give_up" ] || give_up=$((SECONDS + 5))
    [ "$SECONDS" -lt "$give_up" ] || {
      _cronium_fail api_unreachable "The runtime API at $api could not be reached for 5 s"
      return
    }
    sleep "$pause"
    pause=0.$((RANDOM % 20 + 15))
  done
  case $status in
    2??)
      case $what in
        quiet) ;;
        version) printf '%s\n' "${version:-1}" ;;
        checksum) printf '%s\n' "$sum" ;;
        # The dot keeps an empty cursor on its line.
        names) printf '%s\n%s.' "$answer" "$cursor" ;;
        *) [ -z "$answer" ] || printf '%s\n' "$answer" ;;
      esac
      ;;
    *)
      [ -z "${_cronium_download-}" ] || answer=$(<"$_cronium_download")
      _cronium_problem "$status" "$answer"
      ;;
  esac
}

_cronium_key() {
  printf '%s-%s-%s-%s' "$BASHPID" "${SRANDOM:-$RANDOM}" "${SRANDOM:-$RANDOM$RANDOM}" "${EPOCHREALTIME:-$SECONDS}"
}

# Whether the token ends within five minutes. Its claims are read without a child process.
_cronium_ends_soon() {
  if [ "${_CRONIUM_TOKEN_READ-}" != "$CRONIUM_TOKEN" ]; then
    _CRONIUM_TOKEN_READ=$CRONIUM_TOKEN _CRONIUM_TOKEN_ENDS=
    local claims=${CRONIUM_TOKEN#*.} text='' bits=0 count=0 before character
    local letters=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_
    claims=${claims%%.*}
    # A token that is not ours may be of any size.
    while [ -n "$claims" ] && [ "${#claims}" -le 2000 ]; do
      before=${letters%%"${claims:0:1}"*}
      bits=$(((bits << 6 | ${#before}) & 65535)) count=$((count + 6)) claims=${claims:1}
      if [ "$count" -ge 8 ]; then
        count=$((count - 8))
        printf -v character '\\x%02x' $((bits >> count & 255))
        text+=$character
      fi
    done
    printf -v text '%b' "$text"
    [[ $text =~ \"exp\":([0-9]{1,15})[,}] ]] && _CRONIUM_TOKEN_ENDS=${BASH_REMATCH[1]}
  fi
  [ -n "$_CRONIUM_TOKEN_ENDS" ] && [ "${EPOCHSECONDS:-$(date +%s)}" -gt $((_CRONIUM_TOKEN_ENDS - 300)) ]
}

# Puts a new token into the environment, where the script's own children find it too.
_cronium_renew() {
  local answer token
  answer=$(_cronium_exchange POST "/v1/executions/$CRONIUM_RUN_ID/token" '' "$1" "$(_cronium_key)" 2>/dev/null) || return
  [[ ${answer##*$'\n'} == 200* ]] && token=$(_cronium_field token "$answer") && export CRONIUM_TOKEN=$token
}

# Prints the body, a newline, and status, Retry-After, version, checksum and cursor with commas between.
# Exit codes are curl's: 28 means out of time.
# The token goes through a file descriptor, never through arguments, which other processes can read.
_cronium_exchange() {
  local method=$1 path=$2 body=$3 api=$4 key=$5
  if command -v curl >/dev/null; then
    local told='\n%{http_code},%header{retry-after},%header{cronium-version},%header{cronium-sha256}'
    local options=(--silent --noproxy '*' --connect-timeout 30 --request "$method")
    # A file takes as long as it keeps moving.
    if [ -n "${_cronium_upload-}${_cronium_download-}" ]; then
      options+=(--speed-limit 1 --speed-time 30)
    else
      options+=(--max-time 30)
    fi
    options+=(--write-out "$told,%header{cronium-next-cursor}")
    case $api in
      unix://*) options+=(--unix-socket "${api#unix://}" "http://cronium$path") ;;
      *) options+=("${api%/}$path") ;;
    esac
    if [ "$method" != GET ]; then
      options+=(--header Expect: --header "Idempotency-Key: $key")
      local header
      for header in "${_cronium_headers[@]-Content-Type: application/json}"; do
        options+=(--header "$header")
      done
      # A pipe into curl would break under pipefail when the answer comes before all is read.
      if [ -n "${_cronium_upload-}" ]; then options+=(--upload-file "$_cronium_upload"); else options+=(--data-binary @-); fi
    fi
    [ -z "${_cronium_download-}" ] || options+=(--output "$_cronium_download")
    curl --config <(printf 'header = "Authorization: Bearer %s"\n' "$CRONIUM_TOKEN") "${options[@]}" < <(printf '%s' "$body")
  elif command -v socat >/dev/null && [ -z "${_cronium_upload-}${_cronium_download-}" ]; then
    _cronium_socat "$@"
  else
    return 127
  fi
}

# HTTP/1.0, so that the answer is never chunked and ends with the connection.
_cronium_socat() {
  local method=$1 path=$2 body=$3 api=$4 key=$5 address status line LC_ALL=C
  local after='' version='' cursor=''
  case $api in
    unix://*) address=UNIX-CONNECT:${api#unix://} ;;
    *) address=${api#http://} address=TCP:${address%%/*} ;;
  esac
  {
    printf '%s %s HTTP/1.0\r\nHost: cronium\r\nAuthorization: Bearer %s\r\n' "$method" "$path" "$CRONIUM_TOKEN"
    [ "$method" = GET ] ||
      printf 'Idempotency-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n' "$key" "${#body}"
    printf '\r\n%s' "$body"
  } | socat -t 30 -T 30 - "$address,shut-none" | {
    IFS=' ' read -r line status line || return 7
    while IFS= read -r line && [ "$line" != $'\r' ]; do
      line=${line%$'\r'}
      case ${line,,} in
        retry-after:*) after=${line#*: } ;;
        cronium-version:*) version=${line#*: } ;;
        cronium-next-cursor:*) cursor=${line#*: } ;;
      esac
    done
    cat
    printf '\n%s,%s,%s,,%s' "$status" "$after" "$version" "$cursor"
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
  local outside='This script does not run under Cronium (CRONIUM_RUN_ID and CRONIUM_TOKEN are not set). To try it here,'
  case $1 in
    secrets/* | variables/*)
      if [ -z "$2" ] && [ "${variable//[A-Za-z0-9_]/}" = '' ]; then
        if [ -n "${!variable+set}" ]; then
          printf '%s\n' "${!variable}"
        else
          _cronium_fail not_in_run "$outside set $variable in its environment"
        fi
        return
      fi
      ;;
  esac
  case $1 in
    input | output | context | condition | progress | name) ;;
    *)
      _cronium_fail not_in_run "$outside run it with values of your own: cronium dev run main.sh"
      return
      ;;
  esac
  if [ -z "${CRONIUM_INPUT+set}" ]; then
    _cronium_fail not_in_run "$outside give it an input: CRONIUM_INPUT='{\"name\":\"value\"}' bash main.sh"
    return
  fi
  local now
  case $1 in
    input) printf '%s\n' "$CRONIUM_INPUT" ;;
    context)
      now=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
      printf '{"runId":"local","attempt":1,"eventId":null,"eventName":"local","eventVersion":null,%s}\n' \
        "\"workspaceId\":\"local\",\"trigger\":\"manual\",\"runnerName\":\"local\",\"queuedAt\":\"$now\",\
\"startedAt\":\"$now\",\"timeoutMs\":3600000,\"memoryMb\":512"
      ;;
    *) printf 'cronium %s: %s\n' "$1" "$2" >&2 ;;
  esac
}
