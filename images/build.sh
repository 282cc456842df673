#!/usr/bin/env bash
# Builds the images that jobs run in, from Debian packages, without a registry.
#
#   build.sh [--tags] [--force] [python] [node] [bash]      default: all three
#
#   --tags   print {"python":"cronium/python:<hash>",…} and stop; needs neither Docker nor root
#   --force  build even what is there, with the newest packages and without any cache
#
# Builds what is missing and prints the same JSON for the images asked for. Progress goes to
# stderr. Root only has to be there for a base file system that is neither loaded nor cached.
# Each image is looked for in this order: Docker has it; registry (only with
# CRONIUM_IMAGE_REGISTRY, for example registry.example.org/team); cached archive; packages.
#
# Environment: CRONIUM_CACHE (default ${XDG_CACHE_HOME:-~/.cache}/cronium), CRONIUM_IMAGE_REGISTRY,
# CRONIUM_IMAGE_SUITE (default trixie).
#
# Layout. This folder works wherever it is copied, as long as it holds:
#   build.sh recipe.sh tag.sh {python,node,bash}/{Dockerfile,packages} python/{boot,forward,tunnel}.py
#   node/{boot,forward,tunnel}.cjs node/{warm.ts,sdk-javascript.mjs} bash/{boot.sh,tunnel.pl}
# and the sources of the SDKs lie in ../runtime-sdk (the repository) or in ./runtime-sdk (shipped):
#   runtime-sdk/python/cronium/*.py and py.typed, runtime-sdk/node/package.json,
#   runtime-sdk/node/src/*.ts without tests, runtime-sdk/bash/cronium.sh
set -euo pipefail

IMAGES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${CRONIUM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/cronium}/images
SUITE=${CRONIUM_IMAGE_SUITE:-trixie}

# shellcheck source=tag.sh
. "$IMAGES/tag.sh"
# shellcheck source=recipe.sh
. "$IMAGES/recipe.sh"

say() {
  printf 'images: %3d s  %s\n' "$SECONDS" "$*" >&2
}

fail() {
  printf 'images: %s\n' "$*" >&2
  exit 1
}

has_image() {
  docker image inspect "$1" >/dev/null 2>&1
}

# Makes sure that the base image of a runtime is there: base_of <runtime>.
base_of() {
  local runtime=$1 tag archive
  tag=$(base_tag "$runtime")
  archive=$CACHE/rootfs-$runtime-${tag##*:}.tar
  if [ -z "$FORCE" ]; then
    has_image "$tag" && return
    if load_base "$archive" "$tag"; then
      say "$runtime: base file system taken from $CACHE"
      return
    fi
  fi
  build_base "$runtime" "$tag" "$archive"
}

# Builds one image on its base: build_image <runtime> <tag>.
build_image() {
  local runtime=$1 tag=$2 context log
  context=$WORK/context-$runtime
  log=$WORK/$runtime-build.log
  fill_context "$runtime" "$context"
  # The classic builder is the one that every Docker has.
  DOCKER_BUILDKIT=0 docker build --quiet --force-rm --network none ${FORCE:+--no-cache} \
    --build-arg "BASE_IMAGE=$(base_tag "$runtime")" --tag "$tag" "$context" >"$log" 2>&1 ||
    fail "docker build of $tag failed: $(tail -n 3 "$log" | tr '\n' ' ')"
}

pull_image() {
  local tag=$1 remote
  [ -n "${CRONIUM_IMAGE_REGISTRY:-}" ] && [ -z "$FORCE" ] || return 1
  remote=$CRONIUM_IMAGE_REGISTRY/${tag#cronium/}
  docker pull --quiet "$remote" >/dev/null 2>"$WORK/pull.log" || {
    say "cannot pull $remote ($(tail -n 1 "$WORK/pull.log")); building it here"
    return 1
  }
  docker tag "$remote" "$tag"
}

# Older builds of the same image go after a day, because another checkout may be using them; one that
# a container still uses is refused by Docker and stays.
remove_older() {
  local runtime=$1 keep=$2 base yesterday old created
  base=$(base_tag "$runtime")
  yesterday=$(($(date +%s) - 86400))
  for old in $(docker image ls --format '{{.Repository}}:{{.Tag}}' "cronium/$runtime" && \
    docker image ls --format '{{.Repository}}:{{.Tag}}' "cronium/$runtime-base"); do
    case $old in "$keep" | "$base") continue ;; esac
    created=$(date -d "$(docker image inspect -f '{{.Created}}' "$old")" +%s) || continue
    [ "$created" -ge "$yesterday" ] || docker image rm "$old" >/dev/null 2>&1 || true
  done
  find "$CACHE" -maxdepth 1 -name "rootfs-$runtime-*" ! -name "rootfs-$runtime-${base##*:}.*" -mtime +0 -delete
}

main() {
  local tags_only='' runtimes=() runtime tag
  FORCE='' TO_BUILD=()
  while [ $# -gt 0 ]; do
    case $1 in
      --tags) tags_only=yes ;;
      --force) FORCE=yes ;;
      -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; return ;;
      python | node | bash) runtimes+=("$1") ;;
      *) fail "unknown argument '$1'; see $0 --help" ;;
    esac
    shift
  done
  [ ${#runtimes[@]} -gt 0 ] || runtimes=(python node bash)
  SDK=$(find_sdk) || fail "cannot find runtime-sdk/ beside $IMAGES or in it: the package is incomplete"
  compute_tags "${runtimes[@]}"
  if [ -n "$tags_only" ]; then
    print_tags "${runtimes[@]}"
    return
  fi

  command -v docker >/dev/null || fail 'the docker command is missing: install docker.io (Debian 13: docker-cli too)'
  docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
    fail "Docker does not answer on ${DOCKER_HOST:-/var/run/docker.sock}: start dockerd, or join the group docker"

  for runtime in "${runtimes[@]}"; do
    tag=${IMAGE_TAGS[$runtime]}
    if [ -n "$FORCE" ] || ! has_image "$tag"; then TO_BUILD+=("$runtime"); fi
  done
  if [ ${#TO_BUILD[@]} -gt 0 ]; then
    mkdir -p "$CACHE"
    # Two builds at once would work in the same folders.
    exec 9>"$CACHE/lock"
    flock -n 9 || { say 'another build is running; waiting for it'; flock 9; }
    WORK=$(mktemp -d "$CACHE/work.XXXXXX")
    trap 'wait; rm -rf "$WORK"' EXIT
    for runtime in "${TO_BUILD[@]}"; do
      tag=${IMAGE_TAGS[$runtime]}
      [ -z "$FORCE" ] && has_image "$tag" && continue
      pull_image "$tag" || { base_of "$runtime"; build_image "$runtime" "$tag"; }
      say "$runtime: $tag is ready, $(($(docker image inspect -f '{{.Size}}' "$tag") / 1000000)) MB"
      remove_older "$runtime" "$tag"
    done
  fi
  print_tags "${runtimes[@]}"
}

main "$@"
