# Two commands do everything on a machine that has Python 3.11 (or later) and make:
#   make answer   installs Equipoise in its own environment, answers the first question, says where the article is
#   make test     installs what the tests need; format, lint, types, tests
.DEFAULT_GOAL := help
.PHONY: help answer test format clean

QUESTION ?= Does magnesium help with dyskinesia?
OUT ?= answers/magnesium
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP_INSTALL = python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

help:
	@sed -n 's/^#   //p' $(MAKEFILE_LIST)

answer: .venv/installed
	@.venv/bin/equipoise answer "$(QUESTION)" --out "$(OUT)"

test: .venv/ready-for-tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	OPENBLAS_NUM_THREADS=1 .venv/bin/pytest -n auto --dist loadfile  # small matrices: threads only wait for each other

format: .venv/ready-for-tests
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: install it, or say make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing Equipoise in .venv …"
	.venv/bin/$(PIP_INSTALL) --editable .
	@touch $@

.venv/ready-for-tests: .venv/installed
	@echo "Installing what the tests need …"
	.venv/bin/$(PIP_INSTALL) --requirement requirements-test.txt
	@touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
