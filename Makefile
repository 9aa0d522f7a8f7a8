# Every target creates the environment it needs; later calls install nothing. Variables of `make env`: envs/make_env.sh

CONFIG ?= config/demo.yaml
CORES ?= all
BIN := .venv/bin
BENCH := PYTHONPATH=tests/support $(BIN)/python tests/bench
# one thread per test process, to avoid more threads than cores
export OMP_NUM_THREADS = 1

.PHONY: env wheels lock-check demo test test-all lint docs bench scale

env:
	@envs/make_env.sh

# the wheels that `make env WHEELS=wheels` needs on an offline machine of the same platform
wheels: env
	UV= envs/pip_lock.sh "$(CURDIR)/$(BIN)/python" wheel --wheel-dir wheels

lock-check: env
	$(BIN)/python envs/lock_check.py

demo: env
	@test -w . || { echo "make demo: $(CURDIR) cannot be written to; copy the checkout to a folder where you can write"; exit 1; }
	$(BIN)/snakemake --logger stages --configfile $(CONFIG) --cores $(CORES)
	@$(BIN)/codecfake show $(CONFIG)

# without complete runs of the pipeline, which test-all includes
test: env
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow"

test-all: env
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

docs: env .venv-docs/.installed
	$(BIN)/python docs/make_reference.py
	.venv-docs/bin/mkdocs build

# uses the pip of .venv, because some Pythons cannot install pip into a new environment
.venv-docs/.installed: envs/docs.txt | env
	$(BIN)/python -m venv --clear --without-pip .venv-docs
	$(BIN)/python -m pip --python .venv-docs/bin/python install --quiet -r envs/docs.txt
	@touch $@

bench: env
	$(BENCH)/bench_detectors.py
	$(BENCH)/bench_loader.py
	$(BENCH)/bench_codecs.py

scale: env
	$(BENCH)/bench_scale.py
