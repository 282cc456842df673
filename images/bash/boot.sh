# First process of a Bash job: waits for its script on the runtime socket, then becomes it. Written
# for dash, which starts in a third of bash's time. Where the job says so (CRONIUM_REUSE), the script
# runs in a child instead, and the next job is asked for when it has ended with 0.
# shellcheck shell=sh

api=${CRONIUM_API:-unix:///run/cronium/api.sock}
case $api in
  unix://*) socket=${api#unix://} && set -- --unix-socket "$socket" && url='http://cronium' ;;
  *) socket='' && set -- && url=${api%/} ;;
esac
# curl takes 6 ms to start, this a sixth of it; images of users may have curl alone.
command -v nc.openbsd >/dev/null || socket=''
cr=$(printf '\r')
crlf="$cr
"

# Sets job. Fails with 7 where nobody answers, with 52 where the connection breaks, and with another code,
# and why in job, where the answer is no job.
ask() {
  if [ -z "$socket" ]; then
    job=$(curl --silent --show-error --fail-with-body --noproxy '*' "$@" "$url/v1/job?format=shell$ended" 2>&1) && return
    code_of_curl=$?
    case $code_of_curl in 18 | 56) return 52 ;; *) return "$code_of_curl" ;; esac
  fi
  # HTTP/1.0: the answer is the rest of the connection.
  if ! job=$(nc.openbsd -U "$socket" 2>/dev/null <<EOF && printf .
GET /v1/job?format=shell$ended HTTP/1.0$cr
Host: cronium$cr
$cr
EOF
  ); then
    job="nobody answers at $socket"
    return 7
  fi
  job=${job%.}
  head=${job%%"$crlf$crlf"*}
  job=${job#*"$crlf$crlf"}
  case $head in
    'HTTP/1.'?' 200 '*"ontent-"?"ength: ${#job}$crlf"* | 'HTTP/1.'?' 200 '*"ontent-"?"ength: ${#job}") ;;
    'HTTP/1.'?' 200 '* | '') job='the connection broke' && return 52 ;;
    *) return 22 ;;
  esac
}

# A sidecar that restarts is waited for, about 5 s; one that stays away ends the slot. A tunnel to it is
# opened after this process has started, which may take a busy engine longer. Only a slot
# that never reached it says so: nobody reads the log of one that was waiting.
fetch() {
  tries=0
  until ask "$@"; do
    case $? in
      7) ;;
      52) tries=0 was_waiting=yes most=50 ;;
      *)
        printf 'cronium: no job: %s: %s\n' "$api" "$job" >&2
        exit 125
        ;;
    esac
    tries=$((tries + 1))
    if [ "$tries" -gt "$most" ]; then
      [ -n "$was_waiting" ] || printf 'cronium: no job: %s: %s\n' "$api" "$job" >&2
      exit "$code"
    fi
    sleep 0.1
  done
}

become() {
  eval "$job"
  printf '%s' "$CRONIUM_SCRIPT" >/workspace/main.sh
  unset CRONIUM_SCRIPT CRONIUM_REUSE job
  # The way out of a job that may reach some hosts; the shell's own children do not include it.
  if [ -n "${CRONIUM_PROXY:-}" ]; then
    if ! command -v socat >/dev/null; then
      printf 'cronium: the network mode allowlist needs socat in the image\n' >&2
      exit 125
    fi
    socat "TCP-LISTEN:3128,bind=127.0.0.1,fork,reuseaddr,backlog=128" "UNIX-CONNECT:${CRONIUM_PROXY#unix://}" \
      </dev/null >/dev/null 2>&1 &
    until grep -q ' 0100007F:0C38 00000000:0000 0A ' /proc/net/tcp; do sleep 0.01; done
    unset CRONIUM_PROXY
  fi
  export BASH_ENV=/cronium/cronium.sh
  cd /workspace || exit 125
  exec bash /workspace/main.sh </dev/null
}

# Ends what the job left running and deletes its files; fails where something stays.
leave_nothing() {
  kill -9 -1 2>/dev/null
  { [ -r /workspace ] && [ -w /workspace ] && [ -x /workspace ] || chmod 700 /workspace; } &&
    find /tmp /workspace /dev/shm -mindepth 1 -delete 2>/dev/null || return 1
  tries=0
  while others; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || return 1
    sleep 0.01
  done
}

# Whether a process is here besides the first one, this one, and none that the check itself starts.
others() {
  for process in /proc/[0-9]*; do
    case ${process#/proc/} in
      1 | "$$") ;;
      *) return 0 ;;
    esac
  done
  return 1
}

was_waiting='' code=125 ended='' most=50
case $api in http://*) most=600 ;; esac
fetch "$@"
case $job in CRONIUM_REUSE=*) ;; *) become ;; esac

stopping=
child=
trap 'stopping=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
while true; do
  reuse=${job%%
*}
  (
    trap - TERM
    become
  ) &
  child=$!
  wait "$child"
  code=$?
  # A signal ends the wait before the script has ended.
  while [ -n "$stopping" ] && kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
  done
  child=
  if [ "$code" -ne 0 ] || [ -n "$stopping" ] || ! leave_nothing; then exit "$code"; fi
  printf '\000cronium ended %s\n' "${reuse#*=}"
  printf '\000cronium ended %s\n' "${reuse#*=}" >&2
  was_waiting=yes ended='&ended=0'
  fetch "$@"
done
