# The map of this clone. Every target installs what it needs under .venv/ and var/; a second call is quick.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
ACTIVATE := source var/environment
SIZE ?= 1m
SEEDS ?= 11 12 13

.PHONY: help setup setup-services demo test test-unit lint bench bench-next bench-link

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 24

setup: ## Python environment and Java
	@infra/setup/environment.sh
	@infra/setup/spark_classes.sh

setup-services: setup ## and what the service tests need (MinIO, sshd, Spark's S3 jars)
	@infra/setup/services.sh

demo: setup ## play four days of a synthetic city through Airflow
	@$(ACTIVATE); uv run --no-sync creditlake demo

lint: setup ## ruff, mypy --strict, sqlfluff, yamllint
	@$(ACTIVATE); uv run --no-sync infra/lint.sh

test-unit: setup ## the inner loop, under a minute: no server, no Spark
	@$(ACTIVATE); uv run --no-sync pytest -n 2 tests/unit tests/contracts -m "not service and not spark and not slow" -q

test: setup-services lint ## everything, against real services
	@$(ACTIVATE); uv run --no-sync pytest -n 2 --no-loadscope-reorder --durations=50

bench: setup ## the whole path, measured: make bench SIZE=1m (or 10m)
	@$(ACTIVATE); uv run --no-sync python -m tests.bench.run --size $(SIZE)

bench-next: setup ## the day after the first load, one per cent of its records: make bench-next SIZE=1m
	@$(ACTIVATE); uv run --no-sync python -m tests.bench.next_day --size $(SIZE)

bench-link: setup ## how often linking is right, against the simulator's truth: make bench-link SIZE=150k SEEDS="11 12 13"
	@$(ACTIVATE); uv run --no-sync python -m tests.bench.linking --size $(SIZE) --seeds $(SEEDS)
