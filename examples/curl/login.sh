#!/bin/sh
# A login by a code, with curl: Relais makes the code and checks it.
#   RELAIS_URL=http://127.0.0.1:3000 API_KEY=... ./login.sh +221771234567
set -eu

# post PATH BODY [OPTIONS]. Key and body come on standard input: among the arguments of curl every user of the machine could read them.
post() {
  path=$1
  body=$(printf %s "$2" | sed 's/["\\]/\\&/g')
  shift 2
  printf 'header = "Authorization: Bearer %s"\ndata = "%s"\n' "$API_KEY" "$body" |
    curl -sS --max-time 10 --config - -H 'Content-Type: application/json' "$@" "$RELAIS_URL$path"
}

# With the Idempotency-Key curl may try again: one code is sent, however often it does.
key="login-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
started=$(post /api/verifications "{\"to\":\"$1\"}" --retry 3 -H "Idempotency-Key: $key")
id=$(printf %s "$started" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
[ -n "$id" ] || { printf '%s\n' "$started" >&2; exit 1; }

printf 'Code: ' >&2
read -r code
checked=$(post "/api/verifications/$id/check" "{\"code\":\"$code\"}")
case $checked in
  *'"valid":true'*) echo 'Logged in.' ;;
  *) printf '%s\n' "$checked" >&2; exit 1 ;;
esac
