# `make demo` and `make test` need Python 3.11 or newer with its venv module, and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := inngest inngest_core inngest_flask inngest_starlette inngest_fastapi inngest_django inngest_tornado \
	inngest_digital_ocean inngest_connect inngest_outbox inngest_middleware inngest_encryption \
	inngest_devserver inngest_testing inngest_cli

# What `make test-<version>` and `make test-all` run, and what is run with the lowest versions.
TESTS ?= tests
CORE_TESTS := tests/core tests/adapters tests/test_cases.py
VERSIONS := 3.11 3.12 3.13
NEWEST := $(lastword $(VERSIONS))

# Django 6 needs Python 3.12, so constraints.txt has an older one.
NEWEST_DJANGO := 6.1.3
DJANGO_TESTS := tests/adapters/test_django*.py tests/outbox/test_outbox_django.py tests/outbox/test_outbox_admin.py \
	'tests/cli/test_example_apps.py::test_its_tests_pass[django-helpdesk]'

.PHONY: demo test test-long test-lowest test-django test-all check check-style check-mypy check-pyright bench format clean $(addprefix test-,$(VERSIONS))

$(BIN)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip -c constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test,check]'
	$(BIN)/python -m compileall -q $(PACKAGES)
	touch $@

demo: $(BIN)/.installed
	$(BIN)/python -m examples.demo

test: $(BIN)/.installed
	$(BIN)/python -m pytest -n 4 --dist worksteal tests

# Every case behind every server, and 25 times as many random examples.
test-long: $(BIN)/.installed
	TESTS_LONG=1 $(BIN)/python -m pytest -n 4 --dist worksteal --timeout 600 tests

# Every declared minimum of pyproject.toml in one environment.
test-lowest: .venvs/lowest/.installed
	.venvs/lowest/bin/python -m pytest -n 4 $(CORE_TESTS)

.venvs/lowest/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv --clear .venvs/lowest
	.venvs/lowest/bin/python -m pip install --quiet -c constraints-lowest.txt -e '.[test]'
	touch $@

# `make test-3.12` and so on: the tests on that Python.
$(addprefix test-,$(VERSIONS)): test-%: .venvs/%/.installed
	.venvs/$*/bin/python -m pytest -n 4 $(TESTS)

.venvs/3.%/.installed: pyproject.toml constraints.txt
	$$(.ci/find-python 3.$*) -m venv --clear .venvs/3.$*
	.venvs/3.$*/bin/python -m pip install --quiet -c constraints.txt -e '.[test]'
	touch $@

# What concerns Django, with its newest version and that version's own tasks, on the newest Python.
test-django: .venvs/django/.installed
	.venvs/django/bin/python -m pytest -n 4 $(DJANGO_TESTS)

.venvs/django/.installed: .venvs/$(NEWEST)/.installed Makefile
	rm -rf .venvs/django
	cp -R .venvs/$(NEWEST) .venvs/django
	.venvs/django/bin/python -m pip uninstall --quiet --yes django-tasks
	.venvs/django/bin/python -m pip install --quiet 'django==$(NEWEST_DJANGO)'
	touch $@

# The tests on every supported Python that is installed here.
test-all:
	@for version in $(VERSIONS); do \
		if .ci/find-python $$version >/dev/null; then \
			$(MAKE) test-$$version || exit 1; \
		else \
			echo "Python $$version is not installed here: skipped"; \
		fi; \
	done

# `make -j2 check` runs both type checkers at once.
check: check-style check-mypy check-pyright

check-style: $(BIN)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-mypy: $(BIN)/.installed
	$(BIN)/mypy $(PACKAGES) tests examples

check-pyright: $(BIN)/.installed
	$(BIN)/basedpyright --level error

bench: $(BIN)/.installed
	$(BIN)/python -m compileall -q $(PACKAGES)
	$(BIN)/python -m benchmarks

format: $(BIN)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venvs .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
