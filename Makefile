# `make` lists what there is. Needs make and Python 3.11 or newer; all else is set up in .venv/.

PORT ?= 3000
VERSION := newest
TASK ?= Announce our new rainbow unicorn, for rent from Monday.
# The commands read all from the environment. A $ in a text stays one: make must not expand it.
override TASK := $(value TASK)
override ID := $(value ID)
override COMMENT := $(value COMMENT)
override ANSWER := $(value ANSWER)
export PORT TASK ID COMMENT ANSWER
export SAM_CLI_TELEMETRY ?= 0
# Where it is set, every start compiles some 2,000 modules again: ten seconds.
unexport PYTHONDONTWRITEBYTECODE

SAM     := .venv/sam/bin/sam
LOCAL   := .venv/local/bin/python -m local
OPERATE := PYTHONPATH=src/layer/python .venv/local/bin/python -m operate
BENCH   := PYTHONPATH=.:tests:testkit:proofs:src/layer/python:src/agent:src/approval_api \
    .venv/bench/bin/python -m benchmarks
PYTEST  := .venv/test/bin/python -m pytest
# In the order of their names: by number of tests, files with one long test would come last.
AT_ONCE := --numprocesses 2 --dist loadfile --no-loadscope-reorder
UV      := .venv/uv/bin/uv
TEMPLATES := template.yaml src/unitok/template.yaml src/picture/template.yaml monitoring/template.yaml

.PHONY: help run demo task approvals approvers inbox ledger redrive smoke test proofs unit prove bench \
    strands lab lint build deploy test-sam-local starter clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' Makefile

run: ## The whole stack on http://localhost:3000, without AWS (PORT=3001; KEEP=1 keeps its state)
	@$(call set_up,sam local)
	@$(LOCAL) run

demo: ## A task past an agent, a job, a person and a timer (or STORY=approval, STORY=people)
	@$(call set_up,sam local)
	@$(LOCAL) demo

task: ## Send a task to the stack that runs: make task TASK="Write about the blue unicorn"
	@$(call set_up,local)
	@$(LOCAL) task

approvals: ## What waits for people; DO=show|approve|deny|answer|cancel|extend ID=... (STACK=name)
	@$(call set_up,local)
	@$(OPERATE) approvals

approvers: ## Subscribe the people of people.toml, and see who has confirmed (STACK=name)
	@$(call set_up,local)
	@$(OPERATE) approvers

inbox: ## A link to sign in to the inbox as who signs with IAM; OPEN=1 opens it (STACK=name)
	@$(call set_up,local)
	@$(OPERATE) inbox

ledger: ## Where every task has ended, and what breaks the count (a deployed stack: STACK=name)
	@$(call set_up,local)
	@$(OPERATE) ledger

redrive: ## Move dead letters back to the queue; DRY_RUN=1 only shows them (STACK=name)
	@$(call set_up,local)
	@$(OPERATE) redrive

smoke: ## One task through a whole stack, approved, with a look at each step (STACK=name)
	@$(call set_up,local)
	@$(OPERATE) smoke

test: lint ## lint, then all of tests/: the walk, your agent and its tools, the template
	@$(call set_up,test sam local)
	$(PYTEST) $(AT_ONCE) tests --ignore tests/sam_local

proofs: ## Every proof in its short form, on a local stack and in a browser as well
	@$(call set_up,test sam local bench providers)
	$(PYTEST) $(AT_ONCE) proofs/unit proofs/flow $(wildcard proofs/example) proofs/infra \
	    proofs/protocol proofs/attacks
	.venv/providers/bin/python -m pytest proofs/providers
	$(PYTEST) $(AT_ONCE) proofs/integration proofs/browser

unit: ## The quick ones of both: each module, each flow, and those of the example
	@$(call set_up,test)
	$(PYTEST) $(AT_ONCE) $(wildcard tests/example proofs/example) tests/flow proofs/unit proofs/flow

prove: ## Every proof in its long form, with its figures (some of them: ROWS="links page")
	@$(call set_up,test sam local)
	@.venv/test/bin/python proofs/prove_runner.py $(ROWS)

bench: ## What a pause costs and how fast it starts, beside what else there is (some: NAMES="scale")
	@$(call set_up,test sam local bench)
	@$(BENCH) $(NAMES)

strands: ## The walk and its detours on the newest Strands (or on one: VERSION=1.54.0)
	@$(call set_up,uv)
	@$(UV) venv --quiet --clear --no-project --python .venv/uv/bin/python .venv/strands
	@$(UV) pip install --quiet --python .venv/strands/bin/python boto3 jsonschema pytest pyyaml \
	    --requirement src/layer/requirements.in \
	    'strands-agents$(if $(filter-out newest,$(VERSION)),==$(VERSION))'
	@$(UV) pip freeze --quiet --python .venv/strands/bin/python | grep '^strands-agents='
	.venv/strands/bin/python -m pytest -q tests/flow/test_walkthrough.py tests/flow/test_detours.py

lab: ## The lab, in JupyterLab beside make run (TERMINAL=1: a Python to paste into; STACK=name)
	@$(call set_up,lab)
	@$(MAKE) --silent .venv/lab/etc/jupyter/labconfig/page_config.json
	@cd docs/lab && { test -e my_lab.ipynb || cp lab_3_notebook.ipynb my_lab.ipynb; } && \
	    exec ../../.venv/lab/bin/$(if $(TERMINAL),ipython,jupyter lab --allow-root my_lab.ipynb)

lint: ## ruff, mypy and codespell; cfn-lint and checkov on the template
	@$(call set_up,test sam checkov)
	.venv/test/bin/ruff check .
	.venv/test/bin/mypy
	.venv/test/bin/codespell
	for template in $(TEMPLATES); do $(SAM) validate --lint --template $$template || exit 1; done
	.venv/checkov/bin/checkov --config-file .checkov.yaml --quiet --compact --skip-download \
	    $(TEMPLATES:%=--file %)

build: ## sam build: the packages that sam deploy uploads, in .aws-sam/build
	@$(call set_up,sam)
	$(SAM) build

deploy: build ## sam deploy to your AWS account; the first time it asks for what it needs
	@awk -F '"' '/^stack_name/ && length($$2) > 47 {print "stack_name in samconfig.toml: " $$2 \
	    " has " length($$2) " characters; 47 are the most, for SQS takes 80 with what follows."; \
	    exit 1}' samconfig.toml
	@.venv/uv/bin/python -m targets.offer_python $(SAM) build
	$(SAM) deploy $(if $(shell grep -s '^stack_name' samconfig.toml),,--guided)

test-sam-local: ## sam local invoke and start-api in real containers, where there is an image
	@$(call set_up,test sam local)
	$(PYTEST) tests/sam_local

starter: ## A project of your own without what only proves: make starter DIR=../my-agent
	@$(call set_up,uv)
	@.venv/uv/bin/python -m starter make

clean: ## Remove all that was set up or built in this folder
	rm -rf .venv .aws-sam .local .local-kept .local-gone-* .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Environments: apart, because their pins exclude one another. Each is made when first needed and
# again when its requirements change, side by side, by a uv that pip installs with its hash checked.
set_up = $(MAKE) --silent --jobs=3 $(patsubst %,.venv/%/ready,$(1))

.venv/%/ready: requirements/%.txt .venv/uv/ready
	@echo "Setting up .venv/$* ($$(grep -c '^[a-z].*==' $<) packages) ..."
	@$(UV) venv --quiet --clear --relocatable --no-project --python .venv/uv/bin/python .venv/$*
	@$(UV) pip sync --quiet --require-hashes --python .venv/$*/bin/python $<
	@touch $@

# JupyterLab asks nobody about news and newer versions of itself.
.venv/lab/etc/jupyter/labconfig/page_config.json: .venv/lab/ready
	@.venv/lab/bin/jupyter labextension disable --level=sys_prefix \
	    @jupyterlab/apputils-extension:announcements 2>/dev/null

.venv/uv/ready: requirements/uv.txt
	@python=$$(for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	    && echo "$$python" && break; done); \
	if [ -z "$$python" ]; then \
	    echo "No Python 3.11 or newer was found: install one, or name it: make PYTHON=..." >&2; exit 1; fi; \
	echo "Setting up uv on $$("$$python" -V) ..."; \
	"$$python" -m venv --clear .venv/uv >&2 || { \
	    echo "$$python has no working venv module (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@.venv/uv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
	    --only-binary :all: --requirement $<
	@touch $@

# `make requirements` pins what the .in files ask for and leaves every pin as it is that still fits.
# What Lambda's runtime brings is not packaged, and what the layer brings not with the agent. Packages
# run on Linux only.
SETS      := uv test starter sam local checkov bench providers lab src/layer src/agent
IN_LAMBDA := boto3 botocore jmespath python-dateutil s3transfer six urllib3
COMPILE    = $(UV) pip compile --quiet $(if $(UPGRADE),--upgrade) --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --no-header
PACKAGED   = $(COMPILE) --python-platform linux $(IN_LAMBDA:%=--no-emit-package %)

.PHONY: requirements
requirements: ## Pin what the .in files ask for (one: SET=src/agent; all packages anew: UPGRADE=1)
	$(if $(filter-out $(SETS),$(SET)),$(error SET=$(SET): there are $(SETS)))
	@$(call set_up,uv)
	for set in $(or $(SET),$(SETS)); do case $$set in \
	    src/agent) $(PACKAGED) --no-emit-package wrapt $$set/requirements.in -o $$set/requirements.txt;; \
	    src/layer) $(PACKAGED) $$set/requirements.in -o $$set/requirements.txt;; \
	    *) $(COMPILE) --universal requirements/$$set.in -o requirements/$$set.txt;; \
	esac || exit 1; done
