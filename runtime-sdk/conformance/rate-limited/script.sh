#!/usr/bin/env bash
set -euo pipefail
cronium_set_variable --json A 7
cronium_get_variable A
