#!/usr/bin/env bash
if message=$(cronium_input 2>&1); then
  echo "$message"
else
  code=${message##*\(}
  # Bash has no classes: the name is the code's.
  printf '["%s","%s"]\n' "$(sed -E 's/(^|_)(.)/\U\2/g' <<<"${code%\)}")Error" "${code%\)}"
fi
