#!/usr/bin/env bash
# Builds the image of the runner itself, on that of Node, without a registry.
#
#   runner/build.sh [PACKAGE]      default: the package that this folder lies in, or runner/ of the repository
#
# PACKAGE is a folder with package.json and dist/, as the npm package has them. Makes the images that jobs run in
# too, because a runner in a container cannot; their names go into it. Prints {"runner":"cronium/runner:<hash>"}, and
# gives the image the package's version as a second tag. Progress goes to stderr.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
IMAGES=$(dirname "$HERE")

fail() {
  printf 'images: %s\n' "$*" >&2
  exit 1
}

# Shipped, this folder is dist/images/runner of the package; in the repository, images/runner beside runner/.
find_package() {
  local folder
  for folder in "$IMAGES/../.." "$IMAGES/../runner"; do
    if [ -f "$folder/package.json" ] && [ -f "$folder/dist/main.js" ]; then
      (cd "$folder" && pwd)
      return
    fi
  done
  return 1
}

PACKAGE=${1:-$(find_package)} || fail 'no built runner beside this folder: build it first (npm run build)'
[ -f "$PACKAGE/dist/main.js" ] || fail "$PACKAGE holds no dist/main.js"
CONTEXT=$(mktemp -d "${TMPDIR:-/tmp}/cronium-runner-image.XXXXXX")
trap 'rm -rf "$CONTEXT"' EXIT

TABLE=$(bash "$IMAGES/build.sh")
BASE=$(sed -n 's/.*"node":"\([^"]*\)".*/\1/p' <<<"$TABLE")
mkdir -p "$CONTEXT/package/dist"
cp "$PACKAGE"/dist/*.js "$CONTEXT/package/dist/"
cp "$PACKAGE/package.json" "$CONTEXT/package/"
printf '%s\n' "$TABLE" >"$CONTEXT/package/dist/images.json"
cp "$HERE/Dockerfile" "$CONTEXT/"

HASH=$(cd "$CONTEXT" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
TAG=cronium/runner:${HASH:0:12}
VERSION=$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "$PACKAGE/package.json" | head -n 1)
if ! docker image inspect "$TAG" >/dev/null 2>&1; then
  printf 'images: building %s\n' "$TAG" >&2
  DOCKER_BUILDKIT=0 docker build --quiet --force-rm --network none --build-arg "BASE_IMAGE=$BASE" --tag "$TAG" "$CONTEXT" \
    >"$CONTEXT.log" 2>&1 || fail "docker build of $TAG failed: $(tail -n 3 "$CONTEXT.log" | tr '\n' ' ')"
  rm -f "$CONTEXT.log"
fi
docker tag "$TAG" "cronium/runner:$VERSION"
# Older builds go after a day; one that a container still uses is refused by Docker and stays.
while read -r old; do
  case $old in "$TAG" | "cronium/runner:$VERSION") continue ;; esac
  created=$(date -d "$(docker image inspect -f '{{.Created}}' "$old")" +%s) || continue
  [ "$created" -ge "$(($(date +%s) - 86400))" ] || docker image rm "$old" >/dev/null 2>&1 || true
done < <(docker image ls --format '{{.Repository}}:{{.Tag}}' cronium/runner | grep -E ':[0-9a-f]{12}$' || true)
printf '{"runner":"%s"}\n' "$TAG"
