#!/bin/sh
# The guide to the tokens of WhatsApp: asks for each value, checks it, and writes .env when you agree.
# Options: --language en|fr, --file PATH, --help. Secrets are asked for, never given as arguments.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
main=$root/apps/cli/dist/main.js
# What the build prints must not mix with the questions, and it must not read the answers.
[ -f "$main" ] || node "$root/scripts/dev.mjs" build >&2 </dev/null
exec node "$main" setup "$@"
