#!/usr/bin/env bash
# Everything that is claimed, from a fresh machine on: `make test` and CI run this. It installs what it needs and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

export CARGO_TERM_COLOR=never INSTA_UPDATE=no
target="${CARGO_TARGET_DIR:-$PWD/target}"
venv="$target/test-venv"

if [ ! -x "$venv/bin/python" ]; then
    say "installing Python packages for the tests into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/format/requirements.txt
fi
export FORMAT_PYTHON="$venv/bin/python"

if [ "$(cargo deny --version 2>/dev/null)" != "cargo-deny 0.20.2" ]; then
    say "installing cargo-deny 0.20.2"
    cargo install --quiet --locked --no-default-features --version 0.20.2 cargo-deny
fi

say "the web elements: build, types, lint, units"
tests/web.sh build
tests/web.sh check

say "format"
cargo fmt --all --check

say "files: none over 600 lines"
long=$(git ls-files '*.rs' '*.py' '*.sh' '*.sql' '*.mjs' '*.js' '*.ts' '*.css' '*.toml' | grep -v "^web/src/api/schema.d.ts$" | xargs wc -l | awk '$2 != "total" && $1 > 600')
[ -z "$long" ] || { echo "$long"; exit 1; }

say "clippy"
cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings
cargo clippy -p strongroom-cli --no-default-features --quiet -- -D warnings

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features --quiet

say "bans, licences, sources"
cargo deny --log-level error check bans licenses sources

say "tests"
export CANARY_DIR="$target/canary"
rm -rf "$CANARY_DIR"
mkdir -p "$CANARY_DIR"
cargo test --workspace 2>&1 | tee "$CANARY_DIR/tests.log"
cargo run --quiet --example embed

say "defences, switched off one by one"
python3 tests/mutants/run.py

say "schemathesis, for each principal"
tests/schemathesis/run.sh "$target/debug/strongroom"

say "providers that others wrote, and a real browser"
if ! command -v npm >/dev/null; then
    say "installing Node.js with apt-get"
    $([ "$(id -u)" -eq 0 ] || echo sudo) apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi
CANARY=CANARYb3d1f7a95c tests/witness/run.sh "$target/debug/strongroom"

say "the web elements, in a real browser"
tests/web.sh test "$target/debug/strongroom"

say "the canary"
python3 tests/canary/scan.py "$CANARY_DIR"

say "all of it passed"
