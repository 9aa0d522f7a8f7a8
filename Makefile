# Each target makes the environment it needs; a second call installs nothing. Variables of `make env`: envs/make_env.sh

CONFIG ?= config/demo.yaml
CORES ?= all
BIN := .venv/bin
# one thread a test process: more threads than cores starve each other
export OMP_NUM_THREADS = 1

.PHONY: env wheels lock-check demo test test-all lint bench scale

env:
	@envs/make_env.sh

# all that `make env WHEELS=wheels` needs on a machine of this kind that has no network
wheels: env
	UV= envs/pip_lock.sh "$(CURDIR)/$(BIN)/python" wheel --wheel-dir wheels

lock-check: env
	$(BIN)/python envs/lock_check.py

demo: env
	@test -w . || { echo "make demo: $(CURDIR) cannot be written to; copy the checkout to a folder where you can write"; exit 1; }
	$(BIN)/snakemake --configfile $(CONFIG) --cores $(CORES)
	@$(BIN)/codecfake show $(CONFIG)

# without whole runs of the experiment; test-all has them
test: env
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow"

test-all: env
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

bench: env
	$(BIN)/python tests/bench_detectors.py
	$(BIN)/python tests/bench_loader.py
	$(BIN)/python tests/bench_codecs.py

scale: env
	$(BIN)/python tests/bench_scale.py
