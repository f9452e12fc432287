#!/usr/bin/env bash
# Runs the tests with third-party providers and a real browser: tests/witness/run.sh [path/to/strongroom]. It installs
# its packages into target/witness, and Chromium if there is no browser, and prints so. With CANARY_DIR, the vaults,
# their logs and their answers stay in "$CANARY_DIR/witness". Otherwise they are deleted.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
STRONGROOM=$(realpath -m "${1:-$target/debug/strongroom}")
if [ $# -gt 1 ] || [ ! -x "$STRONGROOM" ]; then
  echo "usage: tests/witness/run.sh [path/to/strongroom]" >&2
  exit 2
fi
if [ -n "${CANARY_DIR:-}" ]; then
  mkdir -p "$CANARY_DIR"
  CANARY_DIR=$(realpath "$CANARY_DIR")
  export CANARY_DIR
fi

find_browser() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$name" ] && command -v "$name"; then return; fi
  done
  return 1
}
if ! CHROMIUM=$(find_browser); then
  echo "installing Chromium with apt-get"
  sudo=
  if [ "$(id -u)" -ne 0 ]; then sudo=sudo; fi
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
  CHROMIUM=$(find_browser)
fi
export CHROMIUM STRONGROOM

work=$target/witness
mkdir -p "$work"
if ! cmp -s "$here/package-lock.json" "$work/package-lock.json" || [ ! -f "$work/node_modules/.package-lock.json" ]; then
  echo "installing npm packages into $work"
  cp "$here/package.json" "$here/package-lock.json" "$work/"
  npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
fi
venv=$work/venv
if [ ! -x "$venv/bin/python" ] || ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
  echo "installing Python packages into $venv"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/"
fi
export WITNESS_PYTHON=$venv/bin/python
# Node.js resolves modules relative to the importing file.
cp "$here"/*.mjs "$here"/*.py "$work/"

proof=
finish() {
  if [ -n "$proof" ]; then
    kill "$proof" 2>/dev/null || true
    wait "$proof" 2>/dev/null || true
  fi
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

begun=$SECONDS
for name in connect google django device private-key service-account; do
  echo "== $name"
  node "$work/$name.mjs" &
  proof=$!
  wait "$proof"
  proof=
done
echo "all tests passed in $((SECONDS - begun)) s"
