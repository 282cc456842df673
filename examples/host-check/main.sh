#!/usr/bin/env bash
# Reports how full the file systems of mounted folders are and which certificates expire soon.
#
# Input:  {"folders": [path], "maxUsedPercent": 90, "certificates": folder, "warnDays": 30,
#          "now": ISO 8601 time to compare with, default the present, "failOnWarning": false}
# Output: {"checkedAt", "disks": [{folder, usedPercent, freeBytes}],
#          "certificates": [{file, subject, expiresAt, daysLeft, state}], "warnings": [text]}
# A warning is a finding, not a failure: the exit code stays 0 unless failOnWarning is true.
set -euo pipefail

input=$(cronium_input)
setting() { jq -r --arg name "$1" --arg otherwise "$2" '.[$name] // $otherwise' <<<"$input"; }

max_used=$(setting maxUsedPercent 90)
warn_days=$(setting warnDays 30)
certificates=$(setting certificates '')
now=$(date -u -d "$(setting now now)" +%s) || {
  echo "now is not a time: $(setting now now)" >&2
  exit 2
}
disks='[]' found='[]' warnings='[]'

warn() {
  printf 'WARNING  %s\n' "$1"
  warnings=$(jq --arg text "$1" '. + [$text]' <<<"$warnings")
}

# add <list> <jq arguments…>: prints the list with one more object.
add() {
  local list=$1
  shift
  jq -n --argjson list "$list" "$@" '$list + [$ARGS.named | del(.list)]'
}

check_disk() {
  local folder=$1 total used free percent
  if [ ! -d "$folder" ]; then
    warn "$folder is not there; is it mounted?"
    return
  fi
  read -r total used free < <(df --block-size=1 --output=size,used,avail -- "$folder" | tail -n 1)
  percent=$((total > 0 ? (used * 100 + total - 1) / total : 0))
  printf 'disk     %-28s %3d %% used, %d MB free\n' "$folder" "$percent" $((free / 1000000))
  disks=$(add "$disks" --arg folder "$folder" --argjson usedPercent "$percent" --argjson freeBytes "$free")
  if [ "$percent" -gt "$max_used" ]; then warn "$folder is $percent % full (limit $max_used %)"; fi
}

check_certificate() {
  local file=$1 subject end days state=valid expires
  if ! subject=$(openssl x509 -in "$file" -noout -subject -nameopt RFC2253 2>/dev/null); then
    warn "${file##*/} holds no certificate"
    return
  fi
  subject=${subject#subject=}
  end=$(openssl x509 -in "$file" -noout -enddate)
  expires=$(date -u -d "${end#notAfter=}" +%s)
  # Rounded down also below zero, so that a certificate that ended an hour ago has -1 days left.
  days=$(((expires - now) / 86400))
  if [ "$expires" -lt "$now" ]; then
    days=$((-((now - expires + 86399) / 86400)))
    state=expired
    warn "${file##*/} ($subject) expired $((-days)) days ago"
  elif [ "$days" -lt "$warn_days" ]; then
    state=expiring
    warn "${file##*/} ($subject) expires in $days days"
  fi
  printf 'cert     %-28s %s, %d days left\n' "${file##*/}" "$state" "$days"
  found=$(add "$found" --arg file "${file##*/}" --arg subject "$subject" \
    --arg expiresAt "$(date -u -d "@$expires" +%Y-%m-%dT%H:%M:%SZ)" --argjson daysLeft "$days" --arg state "$state")
}

while IFS= read -r folder; do check_disk "$folder"; done < <(jq -r '.folders[]?' <<<"$input")

if [ -n "$certificates" ]; then
  [ -d "$certificates" ] || warn "$certificates is not there; is it mounted?"
  while IFS= read -r -d '' file; do check_certificate "$file"; done < <(
    find "$certificates" -type f \( -name '*.pem' -o -name '*.crt' -o -name '*.cer' \) -print0 2>/dev/null | sort -z
  )
fi

cronium_output "$(jq -n --arg checkedAt "$(date -u -d "@$now" +%Y-%m-%dT%H:%M:%SZ)" --argjson disks "$disks" \
  --argjson certificates "$found" --argjson warnings "$warnings" '$ARGS.named')"
count=$(jq length <<<"$warnings")
echo "$count warnings"
if [ "$count" -gt 0 ] && [ "$(setting failOnWarning false)" = true ]; then exit 1; fi
