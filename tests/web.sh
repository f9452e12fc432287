#!/usr/bin/env bash
# Builds and tests the web elements: tests/web.sh build | check | test BINARY | screenshots BINARY. It installs npm
# packages into web/node_modules. If Node.js, Chromium or Python is missing, it installs it and prints so.
set -euo pipefail
start=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

case "${1:-}" in
build | check | test | screenshots) ;;
*)
  echo "usage: tests/web.sh build | check | test path/to/strongroom | screenshots path/to/strongroom" >&2
  exit 2
  ;;
esac

install() { # package, why
  echo "installing $1 with apt-get: $2"
  local sudo=
  if [ "$(id -u)" -ne 0 ]; then sudo=sudo; fi
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1 >/dev/null
}

command -v npm >/dev/null || install "nodejs npm" "it builds the web elements"
if ! cmp -s "$root/web/package-lock.json" "$root/web/node_modules/.installed"; then
  echo "installing npm packages into web/node_modules"
  npm ci --prefix "$root/web" --no-audit --no-fund --loglevel=error >/dev/null
  cp "$root/web/package-lock.json" "$root/web/node_modules/.installed"
fi

cd "$root/web"
if [ "$1" = build ]; then
  # Builds only after a change, because each build causes a new compilation of the server.
  if [ ! -f dist/elements.js ] || [ -n "$(find src pages scripts package-lock.json -newer dist/elements.js -print -quit)" ]; then
    echo "building web/dist"
    npm run --silent build
  fi
  exit
fi

if [ "$1" = check ]; then
  # The checks without a browser: types, lint, the API's types, structure, size, unit tests.
  for check in check lint check-api check-structure check-size unit; do npm run --silent "$check"; done
  # The build has regenerated these files. In CI they must equal the committed ones.
  [ "${CI:-}" != true ] || git diff --exit-code --stat -- custom-elements.json docs
  exit
fi

STRONGROOM=$(cd "$start" && realpath "${2:?the path of the server}")
export STRONGROOM
command -v "${CHROMIUM:-chromium}" >/dev/null || install chromium "it runs the browser tests"
command -v python3 >/dev/null || install python3 "a test uses it to expire a connection"
case "$1" in
test)
  runs=1
  if [ -n "${SOAK:-}" ]; then
    # Deterministic tests pass 20 times in a row, beside a process that keeps one core busy.
    runs=20
    timeout 3h sh -c 'while :; do :; done' &
    trap 'kill '"$!" EXIT
  fi
  for run in $(seq "$runs"); do
    echo "browser suite, run $run of $runs"
    npm run --silent browser
  done
  ;;
screenshots) npm run --silent screenshots ;;
esac
