# The two commands of the README: `make run` and `make test`. Both set up .venv on a bare machine.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-all lint docs benchmarks reference clean

run: .venv/ready
	$(BIN)/pgebench $(ARGS)

test: .venv/ready
	$(MAKE) --no-print-directory --jobs=2 lint docs
	$(BIN)/python -m pytest -m "not slow and not gpu" --numprocesses=auto --dist=loadfile

test-all: .venv/ready lint docs
	$(BIN)/python -m pytest

benchmarks: .venv/ready
	$(BIN)/python -m pytest tests/benchmarks -o addopts="--import-mode=importlib" --benchmark-columns=median,stddev,rounds

# The README, docs/ and the docstrings as a site, in build/docs/index.html; a broken link or anchor is an error.
docs: .venv/ready
	$(BIN)/python docs/make_site.py build

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Not compiled: most of the 15,000 files are never imported, the others are compiled when they are.
.venv/ready: pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('pgebench needs Python 3.11 or newer: make PYTHON=python3.12 run') if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The committed reference results: made from scratch or resumed, on the version that is checked out.
reference: .venv/ready
	for name in embedded embedded_full; do \
		$(BIN)/pgebench experiment=$$name && rm -rf results/reference/$$name && mkdir -p results/reference/$$name && \
		(cd results/$$name && cp -r figures meta.json records.parquet report.html report.md summary.csv ../reference/$$name/) || exit 1; \
	done
