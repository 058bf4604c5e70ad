# What one does most in a clone. Each makes .venv where it is not there yet (PYTHON and VENV choose others).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
INSTALLED := source scripts/setup.sh; install_into_venv '.[test]';

.PHONY: help demo test docs notebooks bench

help:
	@echo 'make demo        the built-in world: a table and a report, under a minute'
	@echo 'make test        the tests, without the slow ones'
	@echo 'make docs        the pages and the schema that are made of the code, then the site in build/site'
	@echo 'make notebooks   the notebooks as build/notebooks/*.ipynb, with their pictures and tables'
	@echo 'make bench       the benchmark of the built-in world, a few minutes'

demo:
	bash scripts/demo.sh

test:
	bash scripts/test.sh

docs:
	source scripts/setup.sh; install_into_venv '.[test,docs]'; \
	python scripts/write_words.py && python scripts/write_schema.py && python scripts/write_cli.py && \
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict

notebooks:
	source scripts/setup.sh; install_into_venv '.[notebooks]'; python scripts/write_notebooks.py --execute

bench:
	$(INSTALLED) python scripts/benchmark.py
