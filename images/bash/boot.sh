# First process of a Bash job: waits for its script on the runtime socket, then becomes it. Written
# for dash, which starts in a third of bash's time.
# shellcheck shell=sh

api=${CRONIUM_API:-unix:///run/cronium/api.sock}
case $api in
  unix://*) set -- --unix-socket "${api#unix://}" http://cronium/v1/job?format=shell ;;
  *) set -- "${api%/}/v1/job?format=shell" ;;
esac

# A sidecar that restarts is waited for, about 5 s; one that stays away ends the slot. Only a slot
# that never reached it says so: nobody reads the log of one that was waiting.
tries=0
was_waiting=
while true; do
  if job=$(curl --silent --show-error --fail-with-body --noproxy '*' "$@" 2>&1); then break; fi
  case $job in
    *'(7)'*) ;;
    *'(52)'* | *'(56)'* | *'(18)'*) tries=0 was_waiting=yes ;;
    *)
      printf 'cronium: no job: %s: %s\n' "$api" "$job" >&2
      exit 125
      ;;
  esac
  tries=$((tries + 1))
  if [ "$tries" -gt 50 ]; then
    [ -n "$was_waiting" ] || printf 'cronium: no job: %s: %s\n' "$api" "$job" >&2
    exit 125
  fi
  sleep 0.1
done

eval "$job"
printf '%s' "$CRONIUM_SCRIPT" >/workspace/main.sh
unset CRONIUM_SCRIPT job
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
