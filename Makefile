STAGES = test-web test-lint test-rust test-mutants test-api test-providers test-browser test-canary
.PHONY: run web elements check test $(STAGES) soak bench bench-peers fmt openapi screenshots help

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: web ## Build and start a vault on this machine, to try it
	cargo build --release
	@exec target/release/strongroom dev

web: ## Build the web elements and pages into web/dist (Node.js 20 or later)
	@tests/web.sh build

elements: web ## Pack the npm package of the elements into web/*.tgz
	npm --prefix web run pack

screenshots: ## Save a picture of every state of the elements into web/screenshots
	cargo build
	@tests/web.sh screenshots target/debug/strongroom

check: web ## Run format, clippy and the unit tests, before each commit (less than 3 minutes)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings
	cargo test --workspace --lib --bins --quiet

test: ## Run all tests of CI, with a table of times. `make test-lint`, `make test-rust` and so on run one stage
	tests/run.sh

$(STAGES): test-%:
	tests/run.sh $*

soak: ## Run all tests, with the repeated tests at full count
	SOAK=1 SCHEMATHESIS_EXAMPLES=100 tests/run.sh

bench: web ## Measure on this machine and write docs/BENCHMARKS.md
	cargo build --release --bins --examples
	python3 bench/run.py

bench-peers: web ## Measure OpenBao too, in the same run
	cargo build --release --bins --examples
	python3 bench/run.py --peers

fmt: ## Format the Rust code
	cargo fmt --all

openapi: ## Write docs/openapi.json from the code, and web/src/api/schema.d.ts from docs/openapi.json
	cargo run --quiet --bin strongroom -- openapi > docs/openapi.json
	npm --prefix web run --silent api
