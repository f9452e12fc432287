# The two commands of the README, and little else. `make help` lists them.
.PHONY: run test soak bench bench-peers fmt openapi help

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: ## Build and start a vault on this machine, to try it
	cargo build --release
	@exec target/release/strongroom dev

test: ## Everything that CI runs: fmt, clippy, docs, bans, tests, schemathesis, the canary's scan
	tests/run.sh

soak: ## The long proofs at full count
	SOAK=1 SCHEMATHESIS_EXAMPLES=100 tests/run.sh

bench: ## Measure on this machine, and write docs/BENCHMARKS.md
	cargo build --release --bins --examples
	python3 bench/run.py

bench-peers: ## The same, with OpenBao in the same run
	cargo build --release --bins --examples
	python3 bench/run.py --peers

fmt: ## Format
	cargo fmt --all

openapi: ## Write docs/openapi.json from the code
	cargo run --quiet --bin strongroom -- openapi > docs/openapi.json
