# make demo: see it work.  make test: run the tests.  make docs: build the documentation.
# Each sets up .venv first.
# With another Python: make clean, then make PYTHON=python3.12 demo.
# With PyTorch from elsewhere: make TORCH_INDEX=https://download.pytorch.org/whl/cpu demo.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint format docs clean

demo: .venv/ready
	$(BIN)/regard demo

test: .venv/ready
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: .venv/ready
	$(BIN)/ruff format --check src tests benchmarks recipes docs
	$(BIN)/ruff check src tests benchmarks recipes docs
	$(BIN)/mypy

format: .venv/ready
	$(BIN)/ruff format src tests benchmarks recipes docs
	$(BIN)/ruff check --fix src tests benchmarks recipes docs

docs: .venv/ready
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs build/docs
	@echo "The documentation: build/docs/index.html"

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "regard needs Python 3.11 or later, and this is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt $(TORCH_INDEX:%=--extra-index-url %) -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist
