# The two commands of the README, and little else. `make help` lists them.
.PHONY: run web elements test soak bench bench-peers fmt openapi screenshots help

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

test: ## Everything that CI runs: fmt, clippy, docs, bans, tests, schemathesis, the canary's scan
	tests/run.sh

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
