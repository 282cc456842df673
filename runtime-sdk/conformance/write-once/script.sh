#!/usr/bin/env bash
set -euo pipefail
cronium_set_variable --json COUNT 1
cronium_get_variable_version COUNT
