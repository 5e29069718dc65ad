# thoraxd. `make help` lists the targets. Everything is installed into .venv and nowhere else,
# but `make peers`, which installs Debian packages for the tests when it is run as root.

PYTHON ?= python3.11
VENV := .venv
JOBS ?= 2
BIN := $(VENV)/bin
FILMS := $(or $(THORAXD_TEST_DATA),../shared/data)
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test lint unit peers acceptance acceptance-hospital validate forms mutations kill deliveries memory simulate fuzz evaluate clean beside-orthanc rendered scale

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 22

install: $(STAMP) ## .venv with the locked dependencies

$(STAMP): pyproject.toml constraints.txt
	command -v $(PYTHON) >/dev/null && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

demo: install ## one synthetic film in, SR + GSPS + picture out
	$(BIN)/thoraxd demo

test: install peers lint unit ## linters and the whole test suite, with real peers where they can be had

lint: install ## ruff, mypy, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: install ## the tests alone, JOBS at a time
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile

peers: ## DCMTK, Orthanc, Redis, PostgreSQL, validators from Debian (root only; otherwise their tests skip)
	@sh tests/support/install.sh

acceptance: install peers ## 267 films through a real Orthanc: counts and times (long)
	$(BIN)/python -m tests.bench.acceptance

acceptance-hospital: install peers ## the same on PostgreSQL and an outside Redis with two workers (long)
	$(BIN)/python -m tests.bench.acceptance --postgres --redis --workers 2 --run bench-out/hospital

validate: ## every object of the last acceptance run through the public validators; its logs searched for patients
	$(BIN)/python -m tests.bench.validate bench-out/acceptance
	$(BIN)/python -m tests.bench.phi bench-out/acceptance

forms: install peers ## every form of result of 50 odd films through the public validators and our own check
	$(BIN)/python -m tests.bench.forms

mutations: install peers ## single faults seeded into valid results: what the check before sending and public validators catch
	$(BIN)/python -m tests.bench.mutations

kill: install peers ## the same with daemon, worker and Redis killed at random (long)
	$(BIN)/python -m tests.bench.kill

deliveries: install peers ## 10,000 deliveries to peers that fail at random, the daemon killed meanwhile (long)
	$(BIN)/python -m tests.bench.deliveries

beside-orthanc: install peers ## 40 DICOMweb requests to thoraxd and to Orthanc, answer by answer; writes docs/dicomweb-beside-orthanc.md
	$(BIN)/python -m tests.bench.beside_orthanc.run

rendered: install peers ## how long rendered images take, beside Orthanc's, on the same films
	$(BIN)/python -m tests.bench.rendered

fuzz: install peers ## 20,000 random DICOMweb requests: nothing breaks, leaks, or is lost (long)
	$(BIN)/python -m tests.bench.dicomweb_fuzz

memory: install peers ## the receiver's memory under 8 senders of 10 MB films
	$(BIN)/python -m tests.bench.memory

simulate: install ## what the order of reading brings: docs/simulation.md, half a minute
	$(BIN)/thoraxd simulate --out docs/simulation.md

scale: install peers ## pages of a ledger with 100,000 studies beside those of one with 100, SQLite and PostgreSQL
	$(BIN)/python -m tests.bench.scale

evaluate: install ## the whole measurement of the detector, out of fold, into evaluation-out (needs the films)
	$(BIN)/thoraxd-model evaluate $(FILMS)/rsna $(FILMS)/nih $(FILMS)/nih128 --peer $(FILMS)/chexnet.csv --out evaluation-out

clean: ## remove .venv and what tests and demos left
	rm -rf $(VENV) demo-out bench-out evaluation-out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
