# make demo: train and look at a report.   make test: everything that must hold.
# Each creates what it needs: a virtual environment with pinned packages.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
FAMILY := $(shell $(PYTHON) -c 'import sys; print("py3.11" if sys.version_info[:2] == (3, 11) else "py3.12")')
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

.PHONY: demo study slow test check benchmark prove soak locks clean

demo: $(VENV)/run.done
	$(BIN)/python -m experiments.mode_collapse

# With the TPU compiler, which the packages of the tests hold.
study: $(VENV)/test.done
	$(BIN)/python -m experiments.mode_collapse study
	$(BIN)/python -m experiments.attention_scaling study
	$(BIN)/python -m experiments.latent_spaces study
	$(BIN)/python -m experiments.domain_generalization study

test: check
	$(BIN)/python -m pytest -n 2 -m "not slow"

slow: $(VENV)/test.done
	$(BIN)/python -m pytest -m slow

check: $(VENV)/test.done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright --pythonpath $(BIN)/python

# What they compare with: pip install ".[benchmark,reference]" first.
benchmark: $(VENV)/run.done
	$(BIN)/python -m experiments.benchmarks.adversarial
	$(BIN)/python -m experiments.benchmarks.metrics
	$(BIN)/python -m experiments.benchmarks.attention
	$(BIN)/python -m experiments.benchmarks.mixers
	$(BIN)/python -m experiments.benchmarks.autoencoding
	$(BIN)/python -m experiments.benchmarks.language
	$(BIN)/python -m experiments.benchmarks.adaptation
	$(BIN)/python -m experiments.benchmarks.continual
	$(BIN)/python -m experiments.benchmarks.sharding

# Every program, for pods that are not here; keeps what is not kept in tpu/golden yet.
prove: $(VENV)/test.done
	$(BIN)/python -m tpu prove all --kept --parts update --on v5litepod-16,v5litepod-256,v6e-256,v5p-128,2xv5litepod-16

soak: $(VENV)/run.done
	$(BIN)/python -m tpu try --random 100

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.13 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.done: locks/$(FAMILY).txt | $(BIN)/python
	@echo "Installing the packages of locks/$(FAMILY).txt into $(VENV): about a minute"
	$(PIP) -r locks/$(FAMILY).txt
	@touch $@

$(VENV)/test.done: locks/$(FAMILY)-test.txt $(VENV)/run.done
	@echo "Installing the packages of locks/$(FAMILY)-test.txt into $(VENV)"
	$(PIP) -r locks/$(FAMILY)-test.txt
	@touch $@

# Needs uv. A lock holds every platform, and the lines of its own Python family alone.
LOCK = uv pip compile --quiet --universal --generate-hashes --no-annotate \
	--no-emit-index-url --custom-compile-command "make locks" pyproject.toml
OLD = awk '/^[^ ]/ { keep = !/>= .3\.12/ } keep' | sed "s/ ; python_full_version < '3.12' / /; s/python_full_version < '3.12' and //"

locks:
	@uv --version
	$(LOCK) --python-version 3.11 | $(OLD) > locks/py3.11.txt
	$(LOCK) --python-version 3.12 > locks/py3.12.txt
	$(LOCK) --python-version 3.11 --extra test -c locks/py3.11.txt | $(OLD) > locks/py3.11-test.txt
	$(LOCK) --python-version 3.12 --extra test -c locks/py3.12.txt > locks/py3.12-test.txt

clean:
	rm -rf .venv .venv-* runs dist .pytest_cache .ruff_cache
