# Each target sets up what it needs by itself; a second run sets up nothing again.

PYTHON ?= python3
CONFIG ?= config/demo.yaml
CORES ?= all
BIN := .venv/bin
INSTALLED := .venv/.installed
# one thread a test process: more threads than cores starve each other
export OMP_NUM_THREADS = 1

.PHONY: env demo test lint bench scale

env: $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/snakemake --configfile $(CONFIG) --cores $(CORES)
	@$(BIN)/codecfake show $(CONFIG)

test: $(INSTALLED)
	$(BIN)/pytest -n auto --dist loadfile

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

bench: $(INSTALLED)
	$(BIN)/python tests/bench_detectors.py
	$(BIN)/python tests/bench_loader.py
	$(BIN)/python tests/bench_codecs.py

scale: $(INSTALLED)
	$(BIN)/python tests/bench_scale.py

# --no-deps: two codec packages pin versions nothing else can live with; the lock has all they need
$(INSTALLED): envs/requirements.txt pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install --no-deps --requirement envs/requirements.txt --editable .
	touch $@
