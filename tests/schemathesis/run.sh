#!/usr/bin/env bash
# Runs Schemathesis against a server: every check, every phase, once for each principal.
# tests/schemathesis/run.sh path/to/strongroom
# SCHEMATHESIS_EXAMPLES sets the number of examples for an operation, SCHEMATHESIS_SEED the seed. With CANARY_DIR, the
# vault, the server's log and the output stay in "$CANARY_DIR/schemathesis". Otherwise they are deleted.
set -euo pipefail

if [ $# -ne 1 ] || [ ! -x "$1" ]; then
  echo "usage: tests/schemathesis/run.sh path/to/strongroom" >&2
  exit 2
fi
strongroom=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
examples=${SCHEMATHESIS_EXAMPLES:-10}
seed=${SCHEMATHESIS_SEED:-20261123}

venv=$root/target/schemathesis-venv
if [ ! -x "$venv/bin/schemathesis" ]; then
  echo "creating $venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
fi

if [ -n "${CANARY_DIR:-}" ]; then
  mkdir -p "$CANARY_DIR"
  work=$(realpath "$CANARY_DIR")/schemathesis
  rm -rf "$work"
  key=Q0FOQVJZYjNkMWY3YTk1Y19rZXlfb2ZfdGhlX3Rlc3Q=
else
  work=$(mktemp -d)
  key=$("$strongroom" key generate)
fi
mkdir -p "$work/run"
mkdir -m 700 -p "$work/vault"
server=
finish() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ -z "${CANARY_DIR:-}" ]; then rm -rf "$work"; fi
}
trap finish EXIT

export CREDENTIAL_ENCRYPTION_KEY=$key
export DATABASE_URL=sqlite:$work/vault/v.db
export STRONGROOM_SERVER_LISTEN=127.0.0.1:0
export STRONGROOM_LIMITS_PRINCIPAL_PER_SECOND=1000000
export STRONGROOM_LIMITS_ADDRESS_PER_SECOND=1000000
export STRONGROOM_LIMITS_CALLS_PER_SECOND=1000000

# Without their tests, because a run must not call other services.
quiet='import json, sys
manifest = json.load(sys.stdin)
for kind in manifest["credentials"].values(): kind.pop("test", None)
json.dump(manifest, sys.stdout)'
for manifest in "$root"/examples/plugins/*.json; do
  python3 -c "$quiet" <"$manifest" >"$work/manifest.json"
  "$strongroom" plugin register "$(basename "$manifest" .json)" "$work/manifest.json" >>"$work/setup.log"
done
host_key=$("$strongroom" host-key create -q)
plugin_key=$("$strongroom" plugin-key create openai -q)

"$strongroom" serve 2>"$work/server.log" &
server=$!
address=
for _ in $(seq 100); do
  address=$(sed -n 's/.*address[^0-9]*\(127\.0\.0\.1:[0-9]*\).*/\1/p' "$work/server.log" | head -n 1)
  if [ -n "$address" ]; then break; fi
  if ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.1
done
if [ -z "$address" ]; then
  echo "the server did not start; its log:" >&2
  cat "$work/server.log" >&2
  exit 1
fi

# The hooks read these variables.
export STRONGROOM_BASE=http://$address
export STRONGROOM_HOST_KEY=$host_key

post() { # token, path, body
  curl --silent --show-error --fail-with-body -H "Authorization: Bearer $1" -H "Content-Type: application/json" \
    --data "$3" "$STRONGROOM_BASE$2"
}
get_id() { # token, path: the id of the first item
  curl --silent --show-error --fail-with-body -H "Authorization: Bearer $1" "$STRONGROOM_BASE$2" |
    sed 's/.*"items":\[{"id":"\([a-z_0-9]*\)".*/\1/'
}
token_of() { sed 's/.*"token":"\([a-z0-9_]*\)".*/\1/'; }

for user in alice bob; do
  session=$(post "$host_key" /v1/sessions "{\"user_id\": \"$user\"}" | token_of)
  for name in Work Home Spare; do
    secret=sk-CANARYb3d1f7a95c-schemathesis-$user-$name
    post "$session" /v1/credentials "{\"plugin\": \"openai\", \"type\": \"api-key\", \"name\": \"$name\",
      \"fields\": {\"api_key\": \"$secret\"}}" >>"$work/setup.log"
  done
done
STRONGROOM_HOST_KEY_ID=$(get_id "$host_key" /v1/host-keys)
STRONGROOM_CREDENTIAL_ID=$(get_id "$session" /v1/credentials)
export STRONGROOM_HOST_KEY_ID STRONGROOM_CREDENTIAL_ID

failed=()
run() { # principal, arguments; the host runs last, because it can delete what the others need
  local principal=$1 begun=$SECONDS
  shift
  echo "== $principal"
  # Schemathesis writes files into its working directory.
  (cd "$work/run" && STRONGROOM_PRINCIPAL=$principal SCHEMATHESIS_HOOKS=$here/hooks.py \
    "$venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run "$STRONGROOM_BASE/v1/openapi.json" \
    --checks all --phases examples,coverage,fuzzing,stateful --max-examples "$examples" --seed "$seed" \
    --no-color "$@") 2>&1 | tee "$work/$principal.txt" || failed+=("$principal")
  echo "== $principal: $((SECONDS - begun)) s"
}
run anonymous
run plugin -H "Authorization: Bearer $plugin_key"
run session # the hooks mint the sessions
run host -H "Authorization: Bearer $host_key"

if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
echo "all four principals passed"
