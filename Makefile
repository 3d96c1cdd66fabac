# The one way in. `make help` lists what there is; every target runs without a question.

SHELL := /bin/bash
PREFIX ?= /usr/local
MODEL ?=
FROM ?=
TARGET ?=
SECONDS ?= 60
# rustup's folder is not on the PATH of every shell.
export PATH := $(PATH):$(HOME)/.cargo/bin

.DEFAULT_GOAL := help
.PHONY: help setup build demo test conformance isolation check fuzz bench install clean

help: ## what there is
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install the system packages that are missing (Debian, Ubuntu)
	@scripts/setup.sh

build: setup ## the library, the command, the examples and the three modules
	@python3 scripts/suites.py build

demo: setup ## the same agent in every language, then a real model in the process; MODEL=openai/... for another
	@python3 scripts/demo.py $(if $(MODEL),--model '$(MODEL)')

test: setup ## every test in every language; goes on after a failure
	@python3 scripts/suites.py test

conformance: setup ## the shared scenarios in every language, as a matrix
	@python3 scripts/suites.py conformance

isolation: setup ## tenants are apart: proved on both back ends; BLESS=1 writes docs/isolation.md
	@python3 scripts/suites.py isolation

check: setup ## format, lints, layers, licences, versions: what must hold before the tests
	@python3 scripts/suites.py check

fuzz: setup ## broken texts for what reads them; SECONDS=60 each, TARGET=spec or import
	@scripts/fuzz.py --seconds '$(SECONDS)' $(if $(TARGET),--target '$(TARGET)')

bench: setup ## measure in release, beside what one would use instead
	@python3 benches/run.py

install: setup ## libaikit, its headers and the command under PREFIX (default /usr/local)
# FROM=target/debug takes what is built there instead of building a release.
	@scripts/install.sh '$(PREFIX)' $(FROM)

clean: ## remove what was built
	cargo clean
	rm -rf .cache
