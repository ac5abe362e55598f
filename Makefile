# Everything from a fresh clone: `make run` and `make test` make .venv themselves.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --no-compile --use-pep517 --disable-pip-version-check --constraint constraints.txt
# pip would do it in one process; files that cannot be compiled are templates, which nobody imports
COMPILE := $(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null || true
EXTRAS := tensorflow,joblib,slurm,ray,optuna,export,pretrained,test

# where this is set, each process that a test starts compiles the harness's modules again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-long test-gpu lint bench results screenshots clean

help: ## show what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 12

run: .venv/.base ## install what one backend needs, then one run on data that ships with scikit-learn
	$(BIN)/python -m harness encoder=gru pooling=max data=digits

test: .venv/.all lint ## install all extras and pass the tests, in two processes of one thread each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not long and not slow"

test-long: .venv/.all ## the tests of a minute or more: PostgreSQL, a Ray cluster, kills, all exports, simulated comparisons
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "long or slow"

test-gpu: .venv/.all ## the tests that need an NVIDIA GPU
	$(BIN)/python -m pytest -m gpu

lint: .venv/.all ## style and types
	$(BIN)/ruff check harness tests
	$(BIN)/mypy

bench: .venv/.all ## all that is timed, in one table (outputs/benchmarks.md): takes long, keep the machine quiet
	$(BIN)/python tests/benchmarks/bench.py

results: .venv/.all ## the published results, docs/RESULTS.md: hours; what is finished is not run again
	$(BIN)/python tests/benchmarks/results.py

screenshots: .venv/.all ## the README's pictures, made anew (needs chromium and chromium-driver)
	$(BIN)/python tests/screenshots.py

clean: ## remove .venv and the caches, keep outputs
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache

.venv/.base: pyproject.toml constraints.txt
	@echo "installing into .venv: PyTorch backend (some minutes)"
	@test -d .venv || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	@$(COMPILE)
	@touch $@

.venv/.all: pyproject.toml constraints.txt
	@echo "installing into .venv: both backends, launchers and test tools (about 3 minutes)"
	@test -d .venv || $(PYTHON) -m venv .venv
	$(PIP) --editable '.[$(EXTRAS)]'
	$(PIP) --no-deps sktime scikit-base # for its data sets; what it asks of pandas is not needed for them
	@$(COMPILE)
	@touch .venv/.base $@
