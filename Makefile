# `make help` lists the targets. A recipe is a line or two; a longer one is a script in scripts/.

.DEFAULT_GOAL := tests
.PHONY: tests tests-offline faults bench demo setup mongo mongo-stop mongo-shell lint help \
	from_scratch watch hint solution compare reset stages check timer prove serve slides slides-pdf \
	slides-test slides-record

EXERCISE := cargo run --quiet --package exercise --
MEASURE := cargo run --quiet --profile measure --package bench --

tests: ## run all tests, on a MongoDB that is started for them and removed (this is plain `make`)
	@status=0; scripts/with-mongo scripts/test --workspace || status=$$?; scripts/slides test-if-here && exit $$status

tests-offline: ## run the tests that need no MongoDB: the domain and the embedded store
	@scripts/test --package basket-domain --package basket-cli -- --skip mongo:: --skip mongo_
	@echo "the tests on MongoDB did not run; 'make tests' runs them all"

faults: ## try every fault in long, and write docs/faults.md (FAULTS="kill-append set-kill" tries some)
	cargo build --quiet --package faults --package basket-cli --bins
	scripts/with-mongo cargo run --quiet --package faults -- run $(FAULTS) --to docs/faults.md
	$(if $(FAULTS),,scripts/with-mongo cargo run --quiet --package faults -- mistakes --to docs/faults.md)

bench: ## measure each work beside the plain driver, and write docs/performance.md (BENCH="append load-1000" some; PEERS=1)
	cargo build --quiet --profile measure --package bench --package basket-cli --bins
	scripts/with-mongo $(MEASURE) run $(BENCH) --to docs/performance.md
	$(if $(BENCH),,scripts/with-mongo $(MEASURE) choices --to docs/performance.md)
	$(if $(BENCH),,scripts/with-mongo $(MEASURE) curves --to docs/performance.md)
	$(if $(PEERS),scripts/with-mongo $(MEASURE) peers --to docs/performance.md)

demo: ## show a basket, live, on the embedded store
	@scripts/demo

setup: ## install the `basket` command with cargo
	cargo install --locked --path crates/basket-cli $(if $(SETUP_PROFILE),--profile $(SETUP_PROFILE) --target-dir target)
	@command -v basket >/dev/null || echo "basket is in $${CARGO_HOME:-$$HOME/.cargo}/bin; put that folder on your PATH"

mongo: ## start a MongoDB, and let every `basket` in this folder use it (MONGO_PORT=27017)
	@scripts/mongo up

mongo-stop: ## stop that MongoDB, keep its data, and let `basket` use the embedded store again
	@scripts/mongo stop

mongo-shell: ## look at the event documents in mongosh
	@scripts/mongo shell

lint: ## check format, clippy, documentation and shell scripts, with warnings as errors
	cargo fmt --all --check
	@# Which files a macro names, cargo does not see.
	rustfmt --edition 2024 --check $$(git ls-files 'crates/basket-cli/src/commands/*.rs')
	cargo clippy --workspace --all-targets --quiet -- --deny warnings
	@# The base without the sample, the contract without the driver, the embedded store alone.
	for crate in basket-domain basket-mongo basket-cli; do cargo clippy --package $$crate --no-default-features --quiet -- --deny warnings || exit; done
	@# Each of the two that observe a store, without the other; and without the driver, which would be checked once more.
	for feature in metrics tracing; do cargo clippy --package basket-mongo --no-default-features --features $$feature --quiet -- --deny warnings || exit; done
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --quiet --features basket-mongo/metrics,basket-mongo/tracing
	@if command -v shellcheck >/dev/null; then shellcheck --external-sources --source-path=SCRIPTDIR .ci/run $(addprefix testkit/bench/peers/,install run disintegrate/with-postgres) $(filter-out %.txt %.js %.py,$(wildcard scripts/*)); else echo "shellcheck is not installed; the scripts were not checked"; fi

serve: ## show the talk at http://localhost:8000 (PORT=; SHORT=1 for 25 minutes; LIVE=1 follows each change)
	@scripts/slides serve

slides: ## build the talk as a static site, in slides/dist
	@scripts/slides build

slides-pdf: ## build the talk as two PDFs in slides/dist: slides, and slides with notes (needs Chromium)
	@scripts/slides pdf

slides-test: ## test every slide in a real browser (needs Chromium)
	@scripts/slides test

slides-record: ## record the terminals of the slides and the README again, and the practice run
	RECORD=1 scripts/with-mongo cargo test --quiet --workspace --test recordings
	@scripts/with-mongo $(EXERCISE) record
	RECORD=1 cargo test --quiet --workspace --test films
	@scripts/slides pictures

from_scratch: ## learn: make the exercise's branch and switch to it (FRESH=1 starts again)
	@cargo build --package exercise
	@$(EXERCISE) from-scratch $(if $(FRESH),--fresh)

watch: ## learn: on every save, show the first failing test and what to do next
	@$(EXERCISE) watch

hint: ## learn: show the next hint (STAGE=n)
	@$(EXERCISE) hint $(STAGE)

solution: ## learn: write the solution of STAGE=n into your files, keeping a copy
	@$(if $(STAGE),$(EXERCISE) solution $(STAGE),echo "which stage? make solution STAGE=n"; exit 2)

compare: ## learn: show your answer of STAGE=n beside main's
	@$(if $(STAGE),$(EXERCISE) compare $(STAGE),echo "which stage? make compare STAGE=n"; exit 2)

reset: ## learn: blank the functions of STAGE=n again, keeping a copy
	@$(if $(STAGE),$(EXERCISE) reset $(STAGE),echo "which stage? make reset STAGE=n"; exit 2)

stages: ## learn: list the stages
	@$(EXERCISE) stages

check: ## learn: run the tests of all stages
	@$(EXERCISE) check

timer: ## learn: start a clock that `make watch` shows (MINUTES=25)
	@$(EXERCISE) timer $(if $(MINUTES),--minutes $(MINUTES))

prove: ## prove that the exercise fits the code
	@scripts/with-mongo $(EXERCISE) prove

help: ## show this list
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
