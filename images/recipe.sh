# How a base file system is made from Debian packages; sourced by build.sh.
#
# Packages are unpacked, never installed: no maintainer script runs, so nothing needs a chroot but
# the byte-compiling of Python's library. What such scripts would have done and a job needs
# (certificates bundle, library cache, awk) is done here. debootstrap takes 37 s for what this
# does in 4 to 8 s.
# shellcheck shell=bash

NODE_VERSION=24.21.0
MIRROR=http://deb.debian.org/debian
SECURITY_MIRROR=http://deb.debian.org/debian-security

# Folders of Python's library that no job needs byte-compiled; compiling the rest takes 3 s and
# saves 60 ms at each start of a script that imports much.
PYTHON_UNCOMPILED='/(test|tests|idlelib|turtledemo|ensurepip|pydoc_data|lib2to3|tkinter|_pyrepl|__phello__)/'

APT_READY=''
declare -a APT

# Sets APT to an apt-get with its own sources and state, so that the machine's own stay untouched, and
# downloads the packages of the images in TO_BUILD.
prepare_apt() {
  [ -z "$APT_READY" ] || return 0
  [ "$(id -u)" = 0 ] || fail 'not root: building needs root once; later builds use the cached archives'
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    fail 'apt is missing, so no image can be built here: set CRONIUM_IMAGE_REGISTRY to pull them'
  fi
  local state=$CACHE/apt mirror=$MIRROR security=$SECURITY_MIRROR uri release keyring
  if [ -f /etc/debian_version ]; then
    # The machine's own mirror is the one that is known to be reachable from here.
    # shellcheck disable=SC2016 # the names in $() are apt's own
    while read -r uri release; do
      case $release in
        *-security) security=${uri%/} ;;
        *-*) ;;
        *) mirror=${uri%/} ;;
      esac
    done < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' 'Component: main' \
      'Origin: Debian' 2>/dev/null)
  fi
  for keyring in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
    [ ! -e "$keyring" ] || break
  done
  mkdir -p "$state"/{lists,none,debs}/partial "$state/parts"
  : >"$state/status"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
    "$mirror" "$SUITE" "$keyring" "$security" "$SUITE-security" "$keyring" >"$state/debian.sources"
  local options=(
    -o "Dir::State::status=$state/status"
    -o "Dir::Cache=$state/cache" -o "Dir::Cache::archives=$state/debs"
    -o APT::Install-Recommends=0 -o APT::Sandbox::User=root -o Acquire::Languages=none
    -o Acquire::Retries=2 -o Dpkg::Use-Pty=0 -y
  )
  APT=(
    apt-get "${options[@]}" -o "Dir::Etc::sourcelist=$state/debian.sources"
    -o "Dir::Etc::sourceparts=$state/parts" -o "Dir::State::lists=$state/lists"
  )
  say "reading the package lists of Debian $SUITE from $mirror"
  if ! "${APT[@]}" update -o APT::Update::Error-Mode=any >"$WORK/apt.log" 2>&1; then
    say "Debian $SUITE cannot be had here ($(last_line "$WORK/apt.log")); using this machine's own release"
    mkdir -p "$state/host-lists/partial"
    APT=(apt-get "${options[@]}" -o "Dir::State::lists=$state/host-lists")
    "${APT[@]}" update >"$WORK/apt.log" 2>&1 ||
      fail "no package lists: $(last_line "$WORK/apt.log")"
  fi
  download "${TO_BUILD[@]}"
  APT_READY=yes
}

last_line() {
  grep -E '^(E|W|Err)' "$1" | tail -n 1 || tail -n 1 "$1"
}

packages_of() {
  grep -hE '^[a-z]' "${@/#/$IMAGES/}" | sort -u
}

# Downloads what all the images to be built need; apt takes a second for each question, so it is
# asked once. download <runtime>…
download() {
  local wanted
  mapfile -t wanted < <(packages_of "${@/%//packages}")
  say "downloading packages for $*"
  "${APT[@]}" --download-only install "${wanted[@]}" >"$WORK/apt.log" 2>&1 ||
    fail "cannot download packages: $(last_line "$WORK/apt.log")"
}

# Prints the package files that an image is made of: closure <runtime>.
closure() {
  local wanted unwanted
  mapfile -t wanted < <(packages_of "$1/packages")
  unwanted=$(sed -n 's/^-//p' "$IMAGES/$1/packages" | paste -sd '|')
  # With an empty archive folder apt names every file of the closure, not only the missing ones.
  "${APT[@]}" -o "Dir::Cache::archives=$CACHE/apt/none" --print-uris install "${wanted[@]}" 2>"$WORK/apt.log" |
    awk -v skip="^($unwanted)_" '/^\047/ && $2 !~ skip { print $2 }'
}

# Unpacks packages into a folder: unpack <folder> <file>…
unpack() {
  local root=$1 file
  shift
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root/var/lib/dpkg/status.d"
  for file in bin sbin lib lib64; do ln -s "usr/$file" "$root/$file"; done
  for file in "$@"; do
    dpkg-deb --fsys-tarfile "$CACHE/apt/debs/$file" |
      tar -C "$root" -x --keep-directory-symlink --exclude='./usr/share/man/*' --exclude='./usr/share/info/*' \
        --exclude='./usr/share/locale/*' --exclude='./usr/share/lintian/*' --exclude='./usr/share/bash-completion/*' \
        --exclude='./usr/share/zsh/*' --exclude='./usr/share/bug/*' --exclude='./usr/lib/*/gconv/*' \
        --exclude='./usr/lib/systemd/*' --exclude='./usr/share/python3/runtime.d/*'
    # What a vulnerability scanner reads where no dpkg database is.
    dpkg-deb --field "$CACHE/apt/debs/$file" >"$root/var/lib/dpkg/status.d/${file%%_*}"
  done
  find "$root/usr/share/doc" -not -type d -not -name copyright -delete
  find "$root/usr/share/doc" -type d -empty -delete
}

# Does what the packages' own scripts would have done: settle <folder>.
settle() {
  local root=$1
  ln -sf dash "$root/usr/bin/sh"
  if [ -x "$root/usr/bin/mawk" ]; then ln -s mawk "$root/usr/bin/awk"; fi
  if [ -x "$root/usr/bin/which.debianutils" ]; then ln -s which.debianutils "$root/usr/bin/which"; fi
  mkdir -p "$root"/{etc/ssl/certs,usr/lib/ssl,proc,sys,dev,run/cronium,tmp,workspace,cronium,data}
  cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
  # The file that OpenSSL, and with it Python, reads by itself.
  ln -sf /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
  rm -rf "$root/usr/share/ca-certificates"
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'cronium:x:10001:10001::/workspace:/bin/sh' \
    'nobody:x:65534:65534:nobody:/nonexistent:/bin/false' >"$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'cronium:x:10001:' 'nogroup:x:65534:' >"$root/etc/group"
  printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
  chmod 1777 "$root/tmp"
  chown 10001:10001 "$root/workspace"
  find "$root" -xdev -type f -perm /6000 -exec chmod a-s {} +
  ldconfig -r "$root"
  rm -rf "$root/var/cache"
}

# unchecked-hash: the sources cannot change in an image, so no start compares times with them.
compile_python() {
  local root=$1 python
  python=$(cd "$root/usr/bin" && echo python3.[0-9]*[0-9])
  [ -x "$root/usr/bin/$python" ] || fail "no Python in the packages of $SUITE"
  rm -rf "$root/usr/lib/$python"/{idlelib,turtledemo,ensurepip,test,lib2to3}
  chroot "$root" "/usr/bin/$python" -m compileall -q --invalidation-mode unchecked-hash -x "$PYTHON_UNCOMPILED" \
    "/usr/lib/$python" >"$WORK/compile.log" 2>&1 || fail "python: compiling failed: $(tail -n 1 "$WORK/compile.log")"
}

# Prints the path of a Node binary of NODE_VERSION, from the workspace, the cache or npm.
find_node() {
  local arch binary=$IMAGES/../node_modules/node/bin/node
  if [ -x "$binary" ] && [ "$("$binary" --version)" = "v$NODE_VERSION" ]; then
    echo "$binary"
    return
  fi
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) fail "node: no Node $NODE_VERSION for $(uname -m)" ;;
  esac
  binary=$CACHE/node-$NODE_VERSION-$arch
  if [ ! -x "$binary" ]; then
    command -v npm >/dev/null || fail 'node: npm is missing, which is where Node comes from'
    say "node: fetching Node $NODE_VERSION with npm"
    (cd "$WORK" && npm pack --silent "node-linux-$arch@$NODE_VERSION" >npm.log 2>&1) ||
      fail "node: npm pack node-linux-$arch@$NODE_VERSION failed: $(tail -n 1 "$WORK/npm.log")"
    tar -C "$WORK" -xzf "$WORK/node-linux-$arch-$NODE_VERSION.tgz" package/bin/node
    install -m 755 "$WORK/package/bin/node" "$binary.new" && mv "$binary.new" "$binary"
  fi
  echo "$binary"
}

# Puts npm into a folder, for the packages of scripts: the machine's own, which brings everything it needs.
add_npm() {
  local folder=$1 own
  own=$(dirname "$(dirname "$(readlink -f "$(command -v npm || echo /none/none/none)")")")
  if [ ! -f "$own/bin/npm-cli.js" ]; then
    say 'node: npm is missing on this machine, so scripts in this image can have no packages'
    return
  fi
  mkdir -p "$folder"
  tar -C "$own" -c --exclude=./docs --exclude=./man . | tar -C "$folder" -x --no-same-owner
}

import_base() {
  docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$1" >/dev/null
}

# zstd packs in a tenth of gzip's time, but a bare Debian lacks it.
load_base() {
  local archive=$1 tag=$2
  if [ -f "$archive.zst" ] && command -v zstd >/dev/null; then
    zstd -dc "$archive.zst" | import_base "$tag"
  elif [ -f "$archive.gz" ]; then
    gzip -dc "$archive.gz" | import_base "$tag"
  else
    return 1
  fi
}

save_base() {
  local root=$1 archive=$2
  if command -v zstd >/dev/null; then
    tar -C "$root" -c . | zstd -q -3 >"$archive.zst.new" && mv "$archive.zst.new" "$archive.zst"
  else
    tar -C "$root" -c . | gzip -1 >"$archive.gz.new" && mv "$archive.gz.new" "$archive.gz"
  fi
  rm -rf "$root"
}

build_base() {
  local runtime=$1 tag=$2 archive=$3 root=$WORK/root-$1 files node
  prepare_apt
  mapfile -t files < <(closure "$runtime")
  [ ${#files[@]} -gt 0 ] || fail "$runtime: no packages: $(last_line "$WORK/apt.log")"
  say "$runtime: unpacking ${#files[@]} packages"
  unpack "$root" "${files[@]}"
  settle "$root"
  case $runtime in
    python)
      say 'python: compiling the standard library'
      compile_python "$root"
      ;;
    node)
      node=$(find_node)
      install -D -m 755 "$node" "$root/usr/local/bin/node"
      add_npm "$root/usr/local/lib/npm"
      ;;
  esac
  say "$runtime: handing the base to Docker"
  tar -C "$root" -c . | import_base "$tag" || fail "$runtime: docker import failed"
  # Packing the archive overlaps with the next image; build.sh waits for it before it ends.
  save_base "$root" "$archive" &
}

# Collects what the Dockerfile copies: fill_context <runtime> <folder>.
fill_context() {
  local runtime=$1 context=$2 file node
  mkdir -p "$context"
  while read -r file; do install -D -m 644 "$IMAGES/$file" "$context/${file#*/}"; done < <(own_files "$runtime")
  while read -r file; do install -D -m 644 "$SDK/$file" "$context/sdk/${file#*/}"; done < <(sdk_files "$runtime")
  if [ "$runtime" = node ]; then
    # Node strips no types below node_modules, so the image holds JavaScript.
    node=$(find_node)
    "$node" --disable-warning=ExperimentalWarning "$context/sdk-javascript.mjs" "$context/sdk"
  fi
}
