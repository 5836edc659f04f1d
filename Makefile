# make demo: see it work.  make test: run the tests.  Each sets up .venv first.
# With another Python: make clean, then make PYTHON=python3.12 demo.
PYTHON ?= python3
BIN := .venv/bin
CHECKED := src tests benchmarks recipes docs
# PyTorch for processors, 0.2 GB instead of 5 with CUDA, where its index answers within 3 seconds.
TORCH_INDEX ?= $(shell $(PYTHON) -c 'import urllib.request as u; a = "https://download.pytorch.org/whl/cpu"; u.urlopen(a + "/torch/", timeout=3); print(a)' 2>/dev/null)

.PHONY: demo test types proofs registries cluster lint format docs clean

demo: .venv/ready
	$(BIN)/regard demo

test: .venv/ready
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

# The same tests, in which every call checks types and the shapes of arrays: they take twice as long.
types: .venv/ready
	$(BIN)/python -m pytest --jaxtyping-packages=regard,beartype.beartype \
		--numprocesses auto --maxprocesses 4 --dist worksteal

# The long tests: 2,000 random strings through every engine, 5,000 random texts with markup through the
# server, 20,000 sentences of the grammar that must all differ, and a training that is killed and resumed
# (its result file is committed); 1,000 clients at once for a minute, whose answers must be those of
# regard translate; 10,000 requests of schemathesis, which needs a package registry.
proofs: .venv/ready
	$(BIN)/python -m pytest -m proof
	$(BIN)/python benchmarks/resume.py --quick --out benchmarks/results/resume-lesson.json
	$(BIN)/python benchmarks/serving.py --clients 1000 --at-least 85 --results build

# What needs package registries: a wheel in a clean environment, TypeScript's check of the page, the
# clients of LibreTranslate.
registries: .venv/ready
	$(BIN)/python -m pytest -m registry

# Bulk translation on a Ray of several nodes, with workers, nodes and drivers that are killed.
cluster: .venv/ready
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[ray]'
	$(BIN)/python -m pytest -m cluster

lint: .venv/ready
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy

format: .venv/ready
	$(BIN)/ruff format $(CHECKED)
	$(BIN)/ruff check --fix $(CHECKED)

# The examples of all pages run as printed; then the site is built.
docs: .venv/ready
	$(BIN)/python -m pytest -m page --numprocesses auto --maxprocesses 4
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs build/docs
	@echo "The documentation: build/docs/index.html"

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "regard needs Python 3.11 or later, and this is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt $(TORCH_INDEX:%=--extra-index-url %) -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist
