#!/usr/bin/env bash
# Asserts what the image cronium/bash promises: smoke.sh [image]
set -euo pipefail
# shellcheck source=../smoke-run.sh
. "$(dirname "${BASH_SOURCE[0]}")/../smoke-run.sh"

image=$(image_of bash "${1:-}")
{
  common_promises
  cat <<'OWN'
for program in bash curl jq socat openssl awk sed grep find diff tar gzip ps df date; do
  command -v "$program" >/dev/null || broken "$program is missing"
done
promise 'bash, curl, jq, socat, openssl and the usual tools'
BASH_ENV=/cronium/cronium.sh bash -c 'declare -F cronium_input cronium_output cronium_context >/dev/null' || broken 'functions'
[ "$(CRONIUM_INPUT='{"a":1}' BASH_ENV=/cronium/cronium.sh bash -c 'cronium_input | jq .a')" = 1 ] || broken 'cronium_input'
promise 'the functions, without sourcing'
openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt >/dev/null || broken 'openssl verify'
promise 'openssl trusts the certificate authorities'
OWN
} | in_container "$image"
no_setuid "$image"
