# `make demo` and `make test` need Python 3.11 or newer with its venv module, and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := inngest inngest_core inngest_flask inngest_starlette inngest_fastapi inngest_django inngest_tornado \
	inngest_digital_ocean inngest_devserver inngest_cli

.PHONY: demo test check bench format clean

$(BIN)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip -c constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test,check]'
	$(BIN)/python -m compileall -q $(PACKAGES)
	touch $@

demo: $(BIN)/.installed
	$(BIN)/python -m examples.demo

test: $(BIN)/.installed
	$(BIN)/python -m pytest -n 4 tests

check: $(BIN)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES) tests examples
	$(BIN)/basedpyright --level error

bench: $(BIN)/.installed
	$(BIN)/python -m compileall -q $(PACKAGES)
	$(BIN)/python -m benchmarks

format: $(BIN)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
