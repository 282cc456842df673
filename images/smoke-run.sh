# Runs a POSIX shell script in an image the way a runner starts a job; sourced by the smoke scripts.
# shellcheck shell=bash
set -euo pipefail

images=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# image_of <runtime> [image]: the image given, or the one that the sources ask for.
image_of() {
  if [ -n "${2:-}" ]; then echo "$2"; else "$images/build.sh" --tags "$1" | sed 's/.*:"\(.*\)".*/\1/'; fi
}

# in_container <image>: the script comes on stdin; the first line that fails ends it.
in_container() {
  docker run --rm --interactive --read-only --network none --user 10001:10001 --cap-drop ALL \
    --security-opt no-new-privileges --init --pids-limit 64 --memory 256m \
    --tmpfs /tmp:rw,nosuid,nodev,size=16m --tmpfs /workspace:rw,nosuid,nodev,size=16m,uid=10001,mode=0700 \
    "$1" sh -eu
}

# What every image promises; prints a shell script.
common_promises() {
  cat <<'PROMISES'
promise() { printf 'ok    %s\n' "$1"; }
broken() { printf 'BROKEN %s\n' "$1" >&2; exit 1; }
[ "$(id -u)" = 10001 ] && [ "$(id -g)" = 10001 ] || broken "runs as 10001:10001, not $(id)"
promise 'runs as user 10001, not as root'
echo x >/workspace/x && echo x >/tmp/x || broken 'cannot write to /workspace and /tmp'
promise '/workspace and /tmp can be written'
! echo x 2>/dev/null >/etc/x || broken '/etc can be written'
! echo x 2>/dev/null >/cronium/x || broken '/cronium can be written'
promise 'everything else is read-only'
[ "$(pwd)" = /workspace ] && [ "$HOME" = /workspace ] || broken "starts in $(pwd) with home $HOME"
promise 'starts in /workspace, which is its home'
grep_count=$(while read -r line; do case $line in *BEGIN\ CERT*) echo x ;; esac; done </etc/ssl/certs/ca-certificates.crt | wc -l)
[ "$grep_count" -gt 100 ] || broken "only $grep_count certificates"
promise "$grep_count certificates of certificate authorities"
[ "$LANG" = C.UTF-8 ] || broken "LANG is $LANG"
promise 'speaks UTF-8'
PROMISES
}

# Looks from outside: the image itself may lack find.
no_setuid() {
  local container found
  container=$(docker create --network none "$1")
  found=$(docker export "$container" | tar -tv | awk 'substr($1, 4, 1) ~ /[sS]/ || substr($1, 7, 1) ~ /[sS]/') || true
  docker rm "$container" >/dev/null
  if [ -n "$found" ]; then
    printf 'BROKEN setuid or setgid files: %s\n' "$found" >&2
    return 1
  fi
  echo 'ok    no setuid or setgid file'
}
