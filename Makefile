# Every target takes STACK (default: dev) and PYTHON (default: python3, 3.11 or newer).
STACK ?= dev
PYTHON ?= python3
# Tests wait for timers as much as they compute: one process more than there are cores (two), and at most eight.
WORKERS ?= 3

TOOLCHAIN := $(PYTHON) -m tools.toolchain
RUN := $(TOOLCHAIN) run --
# Without Pulumi: an operator who rolls back has no time to wait for what finds it.
ROLLOUT := $(TOOLCHAIN) run --python -- python -m rollout
# A stack with a dockerHost is on that engine alone; this machine's own is then neither started, filled nor ended.
FAR := $(shell grep -hs dockerHost Pulumi.yaml 'Pulumi.$(STACK).yaml')
# Stacks other than dev bring their images with them.
SETUP := $(TOOLCHAIN) setup $(if $(FAR)$(filter-out dev,$(STACK)),--tools-only)

.DEFAULT_GOAL := help
.PHONY: help up preview deploy status rollback promote mirror drift down test bench benchmarks security lint linters check env doctor lock docs compose pin new-stack

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## set everything up, deploy, and ask the model a question
	@$(SETUP)
	@$(RUN) python -m ops up --stack $(STACK)

preview: ## show what a deployment would change
	@$(SETUP)
	@$(RUN) python -m ops preview --stack $(STACK)

deploy: ## release the API: build its image, or take TAG, and deploy
	@$(SETUP)
	@$(RUN) python -m ops release --stack $(STACK) $(if $(TAG),--tag $(TAG))

status: ## show which colour is live, its release and its health
	@$(ROLLOUT) status --stack $(STACK)

rollback: ## go back to the release before, in a moment
	@$(ROLLOUT) rollback --stack $(STACK)

promote: ## let a release that waits go live
	@$(ROLLOUT) promote --stack $(STACK)

mirror: ## add MODEL to the stack's mirror, FROM a folder of models or a container of Ollama
	@$(RUN) python -m ops mirror "$(MODEL)" --stack $(STACK) $(if $(FROM),--from "$(FROM)")

drift: ## show what differs on the host from the last update, and how to mend it (exit code 2)
	@$(RUN) python -m ops drift --stack $(STACK)

down: ## remove the deployment, and the engine if it was started for it
	@$(RUN) python -m ops down --stack $(STACK)
	@$(if $(FAR),,$(TOOLCHAIN) stop)

test: ## run linters and all tests, and leave the machine as it was
	@$(TOOLCHAIN) once --dev -- $(MAKE) --no-print-directory check

bench: ## compare the flip with nginx reload and HAProxy, measure the monitoring, and write docs/benchmarks.md
	@$(TOOLCHAIN) once -- $(MAKE) --no-print-directory benchmarks

benchmarks:
	python -m tools.benchmarks --into docs/benchmarks.md
	python -m tools.benchmarks --monitoring --into docs/benchmarks.md

lint: ## run the linters
	@$(TOOLCHAIN) setup --dev --tools-only
	@$(RUN) $(MAKE) --no-print-directory linters

security: ## audit the edge and all containers with outside tools (CHECKS=..., default: all)
	@$(TOOLCHAIN) once --dev -- python -m tools.audit $(CHECKS)

linters:
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-logo
	zizmor --offline --quiet --persona auditor .github

check: linters
	python -m pytest -m 'not alone' --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
	python -m pytest -m alone

docs: ## write the tables of docs/containers.md
	@$(RUN) python -m ops containers --stack prod --write

new-stack: ## write Pulumi.<NAME>.yaml with every setting (NAME=...)
	@$(RUN) python -m ops new-stack $(NAME)

pin: ## ask the registries for the digests of the stack's images (MOVE=1 writes those that differ)
	@$(RUN) python -m ops pin --stack $(STACK) $(if $(MOVE),--move)

compose: ## write docker-compose.prod.yml
	@$(RUN) python -m ops compose --stack prod --write

env: ## print the environment, for a shell's eval
	@$(TOOLCHAIN) env

doctor: ## show what this machine has, what it lacks and what to do
	@$(TOOLCHAIN) doctor

lock: ## pin and hash what requirements*.txt ask for
	@$(TOOLCHAIN) setup --dev --tools-only
	@# In one command: another lock is another virtual environment, which is not there yet.
	@$(RUN) sh -c 'python -m piptools compile --output-file requirements.lock requirements.txt && \
		python -m piptools compile --output-file requirements-dev.lock requirements-dev.txt'
