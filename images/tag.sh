# Names images by their content; sourced by build.sh.
#
# A base is named by the recipe and its package list, an image by its base, Dockerfile, bootstrap
# and SDK. The newest package versions are taken at build time and are not part of the name, so a
# tag is the same on every machine; `--force` renews the packages under the same tag.
# shellcheck shell=bash

declare -A IMAGE_TAGS BASE_TAGS

find_sdk() {
  local folder
  for folder in "$IMAGES/../runtime-sdk" "$IMAGES/runtime-sdk"; do
    if [ -f "$folder/bash/cronium.sh" ]; then
      (cd "$folder" && pwd)
      return
    fi
  done
  return 1
}

# Files of the SDK that go into an image, relative to the SDK's folder.
sdk_files() {
  (
    cd "$SDK" || return
    shopt -s nullglob
    case $1 in
      python) printf '%s\n' python/cronium/*.py python/cronium/py.typed ;;
      node)
        printf '%s\n' node/package.json
        for file in node/src/*.ts; do
          [[ $file == *.test.ts ]] || printf '%s\n' "$file"
        done
        ;;
      bash) printf '%s\n' bash/cronium.sh ;;
    esac
  )
}

# Files beside this one that go into an image.
own_files() {
  case $1 in
    python) printf '%s\n' python/Dockerfile python/boot.py python/forward.py python/tunnel.py ;;
    node) printf '%s\n' node/Dockerfile node/boot.cjs node/forward.cjs node/tunnel.cjs node/warm.ts node/sdk-javascript.mjs ;;
    bash) printf '%s\n' bash/Dockerfile bash/boot.sh bash/tunnel.pl ;;
  esac
}

short_hash() {
  local sum
  sum=$(sha256sum)
  printf '%s' "${sum:0:12}"
}

compute_tags() {
  local runtime base own sdk
  # The order of names must not follow the user's language.
  local -x LC_ALL=C
  for runtime in "$@"; do
    base=$(cd "$IMAGES" && { printf '%s %s\n' "$SUITE" "$(uname -m)"; sha256sum recipe.sh "$runtime/packages"; } | short_hash)
    BASE_TAGS[$runtime]=cronium/$runtime-base:$base
    mapfile -t own < <(own_files "$runtime")
    mapfile -t sdk < <(sdk_files "$runtime")
    IMAGE_TAGS[$runtime]=cronium/$runtime:$({
      printf '%s\n' "$base"
      (cd "$IMAGES" && sha256sum "${own[@]}")
      (cd "$SDK" && sha256sum "${sdk[@]}")
    } | short_hash)
  done
}

base_tag() {
  printf '%s' "${BASE_TAGS[$1]}"
}

print_tags() {
  local runtime separator='{'
  for runtime in "$@"; do
    printf '%s"%s":"%s"' "$separator" "$runtime" "${IMAGE_TAGS[$runtime]}"
    separator=,
  done
  printf '}\n'
}
