#!/usr/bin/env bash
# Asserts what the image cronium/node promises: smoke.sh [image]
set -euo pipefail
# shellcheck source=../smoke-run.sh
. "$(dirname "${BASH_SOURCE[0]}")/../smoke-run.sh"

image=$(image_of node "${1:-}")
{
  common_promises
  cat <<'OWN'
case $(node --version) in v24.*) ;; *) broken "Node is $(node --version)" ;; esac
cat >/workspace/main.ts <<'TS'
import { context, CroniumError, input, output } from "@cronium/sdk";
const kinds: string[] = [input, output, context].map((verb) => typeof verb);
if (kinds.join() !== "function,function,function") throw new Error(kinds.join());
const error: unknown = await input().catch((reason: unknown) => reason);
if (!(error instanceof CroniumError) || error.code !== "not_in_run") throw new Error(String(error));
TS
node /workspace/main.ts
printf 'const { input } = require("@cronium/sdk"); if (typeof input !== "function") process.exit(1);' >/workspace/main.cjs
node /workspace/main.cjs
promise "Node $(node --version): the SDK by import and require, TypeScript as it is"
OWN
} | in_container "$image"
no_setuid "$image"
