#!/usr/bin/env bash
# Runs all tests, or some stages, on a fresh machine: `make test`, `make test-STAGE`, and CI. Installs missing dependencies
# and prints what it installs. At the end, prints a table of times. Fails if all stages together took longer than 75 minutes.
#
#   tests/run.sh                 every stage
#   tests/run.sh lint rust       these stages
set -euo pipefail
cd "$(dirname "$0")/.."

STAGES=(web lint rust mutants api providers browser canary)
LIMIT_MINUTES=75

export CARGO_TERM_COLOR=never INSTA_UPDATE=no
target="${CARGO_TARGET_DIR:-$PWD/target}"
binary="$target/debug/strongroom"
venv="$target/test-venv"
export FORMAT_PYTHON="$venv/bin/python" CANARY_DIR="$target/canary"

say() { printf '\n== %s\n' "$*"; }

install_python() {
    [ -x "$FORMAT_PYTHON" ] && return
    say "installing Python packages for the tests into $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/format/requirements.txt
}

install_cargo_deny() {
    [ "$(cargo deny --version 2>/dev/null)" = "cargo-deny 0.20.2" ] && return
    say "installing cargo-deny 0.20.2"
    cargo install --quiet --locked --no-default-features --version 0.20.2 cargo-deny
}

install_node() {
    command -v npm >/dev/null && return
    say "installing Node.js with apt-get"
    $([ "$(id -u)" -eq 0 ] || echo sudo) apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
}

build() {
    tests/web.sh build
    cargo build --quiet --bins
}

stage_web() { # the web elements: build, types, lint, units
    tests/web.sh build
    tests/web.sh check
}

stage_lint() { # format, file sizes, clippy, rustdoc, words of the documents, bans and licences
    install_cargo_deny
    tests/web.sh build
    cargo fmt --all --check
    local long
    long=$(git ls-files '*.rs' '*.py' '*.sh' '*.sql' '*.mjs' '*.js' '*.ts' '*.css' '*.toml' |
        grep -v '^web/src/api/schema.d.ts$' | xargs wc -l | awk '$2 != "total" && $1 > 600')
    [ -z "$long" ] || { echo "longer than 600 lines: $long"; return 1; }
    cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings
    cargo clippy -p strongroom-cli --no-default-features --quiet -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features --quiet
    python3 tests/structure.py
    python3 tests/words.py
    cargo deny --log-level error check bans licenses sources
}

stage_rust() { # all Rust tests, and the example of an embedding application
    install_python
    build
    mkdir -p "$CANARY_DIR"
    cargo test --workspace 2>&1 | tee "$CANARY_DIR/tests.log"
    cargo run --quiet --example embed
}

stage_mutants() { # disables each defence: its test must fail
    tests/web.sh build
    env -u CANARY_DIR python3 tests/mutants/run.py
}

stage_api() { # schemathesis, for each principal
    build
    tests/schemathesis/run.sh "$binary"
}

stage_providers() { # third-party providers, and a real browser
    install_node
    build
    CANARY=CANARYb3d1f7a95c tests/witness/run.sh "$binary"
}

stage_browser() { # the web elements in a real browser
    build
    tests/web.sh test "$binary"
}

stage_canary() { # scans all files of the Rust tests for secrets
    python3 tests/canary/scan.py "$CANARY_DIR"
}

times=()
total=0

run_stage() {
    local began=$SECONDS took
    say "$1: $(sed -n "s/^stage_$1() { # //p" tests/run.sh)"
    "stage_$1"
    took=$((SECONDS - began))
    total=$((total + took))
    times+=("$(printf '%-12s %4d min %02d s' "$1" $((took / 60)) $((took % 60)))")
}

if [ $# -eq 0 ]; then
    set -- "${STAGES[@]}"
    rm -rf "$CANARY_DIR"
fi
for stage in "$@"; do
    if ! declare -F "stage_$stage" >/dev/null; then
        echo "there is no stage $stage; the stages are: ${STAGES[*]}" >&2
        exit 2
    fi
done
for stage in "$@"; do run_stage "$stage"; done

say "times"
printf '%s\n' "${times[@]}"
printf '%-12s %4d min %02d s\n' all $((total / 60)) $((total % 60))
if [ "$total" -gt $((LIMIT_MINUTES * 60)) ]; then
    echo "longer than $LIMIT_MINUTES minutes"
    exit 1
fi
say "all stages passed"
