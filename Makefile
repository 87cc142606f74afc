# One command for each thing a person, a hook or continuous integration does here.
# Each step leaves a stamp: what is up to date is not done again.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet

.PHONY: help install develop lab demo test lint soak bench-start bench-verify bench-backup bench-remote bench-fanout bench-transfer bench-provision readme lock clean

help: ## show these lines
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(VENV)/.installed ## what a production controller needs, in .venv
develop: $(VENV)/.developed ## that and the tools for tests, lint and lab
lab: $(VENV)/.lab ## that and the programs and the image that the lab needs

demo: lab ## the main job from end to end, in the lab
	$(BIN)/fab demo

# Most tests wait, for hosts and for locks: several side by side, each file by one process.
test: lab ## all tests but the long ones
	$(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

lint: develop ## format, style, types, structure
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest tests/structure

soak: lab ## the long fault tests, with many seeds
	$(BIN)/pytest --soak --hypothesis-profile soak

bench-start: develop ## how long `fab --list` takes beside stock Fabric's
	$(BIN)/python benchmarks/start.py

bench-verify: develop build/peers/.apt ## verification beside md5sum, md5deep, hashdeep, rclone, and the bare hash
	$(BIN)/python -m benchmarks.verify

bench-remote: develop ## output over SSH beside the ssh program's
	$(BIN)/python -m benchmarks.remote

bench-fanout: develop build/peers/.installed ## facts of 50 sshd hosts beside pyinfra, Ansible, ssh
	$(BIN)/python -m benchmarks.fanout --peers build/peers

bench-provision: develop ## five components beside one, and a run with nothing to do
	$(BIN)/python -m benchmarks.provision

bench-transfer: develop build/peers/.apt ## transfers over the reference link beside rsync, scp and others (root; quick=1)
	$(BIN)/python -m benchmarks.transfer $(if $(quick),--quick)

bench-backup: develop ## how long file systems stay frozen, pruning 100,000, the status of 1,000
	$(BIN)/python -m benchmarks.backup

readme: develop ## write the README's table of tasks anew
	$(BIN)/python -m tests.structure.task_table

lock: ## pin the newest allowed versions, with the hashes of all platforms
	requirements/lock

clean: ## remove what the other targets made here; the lab's image stays
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# Compiled here, as the account that runs `fab` may not be allowed to write bytecode; what is for
# development alone is compiled when it is first used, which most of it never is.
$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q ops fabfile
	touch $@

$(VENV)/.developed: requirements-dev.lock $(VENV)/.installed
	$(PIP) install --no-compile --require-hashes -r requirements-dev.lock
	touch $@

$(VENV)/.lab: requirements/lab requirements/lab-install requirements/lab.apt $(VENV)/.developed
	requirements/lab
	touch $@

build/peers/.installed: benchmarks/fanout.txt
	$(PYTHON) -m venv build/peers
	build/peers/bin/python -m pip --disable-pip-version-check --no-input --quiet install -r $<
	touch $@

# What can't be installed is left out of the comparison, which says so.
build/peers/.apt: benchmarks/peers.apt requirements/lab-install
	mkdir -p build/peers
	root=; [ "$$(id -u)" = 0 ] || root="sudo -n"; \
	if $$root bash requirements/lab-install $$(grep -v '^#' $<); then touch $@; \
	else echo "Not all of $< could be installed" >&2; fi

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
