# make demo: see it work.  make test: run the tests.  Both set up .venv first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint format clean

demo: .venv/ready
	$(BIN)/regard demo

test: .venv/ready
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: .venv/ready
	$(BIN)/ruff format --check src tests benchmarks recipes docs/pictures.py
	$(BIN)/ruff check src tests benchmarks recipes docs/pictures.py
	$(BIN)/mypy

format: .venv/ready
	$(BIN)/ruff format src tests benchmarks recipes docs/pictures.py
	$(BIN)/ruff check --fix src tests benchmarks recipes docs/pictures.py

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv build dist
