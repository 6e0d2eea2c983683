# make demo  - set everything up and run the main job on a real example
# make test  - set everything up and pass all tests, in stages, with a table of them at the end
# make proof - laws, properties and all seeded mutants; PROOF_SEED=N repeats the run of that seed
# Needs Python >= 3.11, make and the package index. PYTHON=python3.12 chooses an interpreter.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The base of bench-compare: the newest run that make bench-save has kept on this machine.
BASE    = $(shell ls -1 .benchmarks/*/*_base.json 2>/dev/null | tail -n 1)

.PHONY: demo test proof setup lint types unit laws properties mutants mutants-fast soak bench bench-compare bench-save clean

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "brummer-rx needs Python >= 3.11, this is " + sys.version.split()[0] + "; use make PYTHON=python3.X")'
	@echo "setting up $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-build-isolation --no-deps -e .
	@touch $(READY)

setup: $(READY)

demo: setup
	@$(BIN)/python examples/shop/demo.py

test: setup
	@$(BIN)/python -m tests.proof.stages lint types unit laws properties mutants-fast

# docs/concurrency.md says what it proves, and how to read what it prints.
proof: setup
	@$(BIN)/python -m tests.proof.stages laws properties mutants

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m tests.rules

types: setup
	$(BIN)/mypy | $(BIN)/python tests/architecture/files_checked.py

# Tests run on two workers, as many as the smallest machine has cores.
PYTEST  = $(BIN)/python -m pytest -n 2 --dist worksteal --benchmark-disable

unit: setup
	$(PYTEST) --ignore=tests/laws --ignore=tests/properties --cov --cov-report=term
	$(BIN)/python -m tests.proof.branches pipeline operators sinks/store

# Threads that the explorer drives need its own interpreter start; all else runs as everywhere.
laws: setup
	$(PYTEST) tests/laws --ignore=tests/laws/races
	$(BIN)/frontrun $(BIN)/python -m pytest tests/laws/races

properties: setup
	$(PYTEST) tests/properties

mutants: setup
	$(BIN)/python -m tests.proof.mutants

mutants-fast: setup
	$(BIN)/python -m tests.proof.mutants --fast

# Ten minutes of everything at once; the report is docs/soak.md.
soak: setup
	$(BIN)/python -m bench.soak --report docs/soak.md

# bench/README.md says how to read them.
bench: setup
	$(BIN)/python -m pytest --benchmark-only bench --benchmark-autosave

bench-save: setup
	$(BIN)/python -m pytest --benchmark-only bench --benchmark-save=base

bench-compare: setup
	@test -n "$(BASE)" || { echo "no saved run on this machine yet: make bench-save first"; exit 2; }
	$(BIN)/python -m bench.compare $(BASE)

clean:
	rm -rf $(VENV) build dist .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
