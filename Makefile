# The commands of the house. `make up` needs python3 (3.11 or newer) and nothing else.
#
#   make up UP_ARGS="--port 9000"        make test TEST_ARGS="tests/console -x"

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
UP_ARGS =
TEST_ARGS =
TEST_WORKERS = 3
SOURCES = manage.py platform apps tests benchmarks deploy
RUNTIME = $(VENV)/.runtime-installed
DEVELOPMENT = $(VENV)/.development-installed

# Checking opens no connection and makes no keys.
CHECK_ENV = SECRET_KEY=check ENCRYPTION_KEYS=check DATABASE_URL=postgresql://check@127.0.0.1:9/check \
	REDIS_URL=redis://127.0.0.1:9/0 DJANGO_SETTINGS_MODULE=console.settings.test PYTHONPATH=platform:.

.PHONY: help up test check fix messages bench bench-peers local-embeddings

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 20

up: $(RUNTIME) ## run everything on this machine; Ctrl-C stops it
	@exec $(BIN)/python manage.py up $(UP_ARGS)

test: $(DEVELOPMENT) ## run the tests against a real PostgreSQL and Redis
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile $(TEST_ARGS)

check: $(DEVELOPMENT) ## lint, format, types, import contract, missing migrations; writes nothing
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(CHECK_ENV) $(BIN)/mypy
	$(CHECK_ENV) $(BIN)/lint-imports
	$(CHECK_ENV) $(BIN)/python -W ignore manage.py makemigrations --check --dry-run

fix: $(DEVELOPMENT) ## apply what lint and format can fix
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

local-embeddings: $(RUNTIME) ## build the optional embedding model that runs on this machine (English, 23 MB)
	$(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(VENV)/bin/python -m ensurepip >/dev/null
	@PYTHON=$(PYTHON) sh .ci/install $(VENV) requirements-local-embeddings.txt
	PYTHONPATH=platform:. $(BIN)/python -m model_runtime.local.build

messages: $(RUNTIME) ## collect the strings into the catalogues and compile them (needs gettext)
	$(CHECK_ENV) $(BIN)/python manage.py messages

bench: $(DEVELOPMENT) ## run every benchmark; results go to benchmarks/results
	@mkdir -p benchmarks/results
	@for script in benchmarks/*.py; do \
		name=$$(basename $$script .py); \
		case $$name in _*) continue;; esac; \
		echo "$$name"; \
		$(BIN)/python $$script > benchmarks/results/$$name.json || exit 1; \
		cat benchmarks/results/$$name.json; \
	done

bench-peers: ## install the engines that benchmarks/engine.py compares with
	@PYTHON=$(PYTHON) sh .ci/peers .bench-peers

$(RUNTIME): requirements.txt
	@PYTHON=$(PYTHON) sh .ci/install $(VENV) requirements.txt
	@touch $@

$(DEVELOPMENT): requirements-dev.txt requirements.txt
	@PYTHON=$(PYTHON) sh .ci/install $(VENV) requirements-dev.txt
	@touch $(RUNTIME) $@
