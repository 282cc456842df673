#!/usr/bin/env bash
set -euo pipefail
cronium_group $'Load\nthe data'
echo 'row 1'
cronium_endgroup
echo after
