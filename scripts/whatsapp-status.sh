#!/bin/sh
# One screen about the running system. Exit code: 0 connected, 1 degraded, 2 fallback, 3 the state cannot be told.
# Options: --json, --file PATH, --help.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
main=$root/apps/cli/dist/main.js
if ! command -v node >/dev/null 2>&1; then
  echo 'relais: node is not on the PATH' >&2
  exit 3
fi
[ -f "$main" ] || node "$root/scripts/dev.mjs" build >&2 || exit 3
exec node "$main" status "$@"
