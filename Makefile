# `make help` lists the targets.
STAGES = test-web test-lint test-rust test-mutants test-api test-providers test-browser test-canary
.PHONY: run web elements check test $(STAGES) soak bench bench-peers fmt openapi screenshots help

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: web ## Build and start a vault on this machine, to try it
	cargo build --release
	@exec target/release/strongroom dev

web: ## Build the web elements and pages into web/dist (Node.js 20 or later)
	@tests/web.sh build

elements: web ## Pack the npm package of the elements into web/*.tgz
	npm --prefix web run pack

screenshots: ## Pictures of every state of the elements, in web/screenshots
	cargo build
	@tests/web.sh screenshots target/debug/strongroom

check: web ## Before each commit: format, clippy and the unit tests, less than 3 minutes
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings
	cargo test --workspace --lib --bins --quiet

test: ## Everything that CI runs, with a table of times; one stage with `make test-lint`, `make test-rust` and so on
	tests/run.sh

$(STAGES): test-%:
	tests/run.sh $*

soak: ## The long proofs at full count
	SOAK=1 SCHEMATHESIS_EXAMPLES=100 tests/run.sh

bench: web ## Measure on this machine, and write docs/BENCHMARKS.md
	cargo build --release --bins --examples
	python3 bench/run.py

bench-peers: web ## The same, with OpenBao in the same run
	cargo build --release --bins --examples
	python3 bench/run.py --peers

fmt: ## Format
	cargo fmt --all

openapi: ## Write docs/openapi.json from the code, and the types of web/ from that
	cargo run --quiet --bin strongroom -- openapi > docs/openapi.json
	npm --prefix web run --silent api
