# `make` alone lists the targets. Only python3 >= 3.11 with venv and pip is needed; uv is used where it is there.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
TESTS ?= tests
WORKERS ?= 4
SECONDS ?= 900
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
ifdef UV
INSTALL := uv pip install --quiet --python $(BIN)/python -c constraints.txt
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
endif

# -P: a folder of tests is called like a module of the standard library.
REQUIREMENTS := $(BIN)/python -P tests/requirements.py

.DEFAULT_GOAL := help
.PHONY: help demo test lint types fmt bench soak clean browser-firefox

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Start the demo application (PORT=8000 HOST=127.0.0.1)
	HOST=$(HOST) PORT=$(PORT) exec $(BIN)/python -m demo_app

test: $(VENV)/.test ## Run the whole test suite (TESTS=tests/unit for a part, WORKERS=4 processes)
	$(BIN)/python -m pytest $(TESTS) -n $(WORKERS)

browser-firefox: $(VENV)/.test ## Run the browser client's tests in the installed Firefox (FIREFOX=path)
	@$(BIN)/python -P -m tests.browser.firefox

lint: $(VENV)/.lint ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	@if [ -d node_modules ]; then npm run --silent check && npm run --silent lint; \
		else echo "No npm here: the browser client is not checked."; fi

types: $(VENV)/.test ## Write the browser client's .d.ts files anew (needs npm)
	npm run --silent types

fmt: $(VENV)/.lint ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

bench: $(VENV)/.test ## Run the benchmarks
	$(BIN)/python -m benchmarks

soak: $(VENV)/.test ## Run a server under faults and leavers for SECONDS=900, and see that nothing grows
	$(BIN)/python -m tests.soak --seconds $(SECONDS)

clean: ## Remove the environment and everything that was made
	rm -rf $(VENV) .hypothesis .mypy_cache .ruff_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "litestar-tts needs Python 3.11 or newer; say which one: make PYTHON=python3.12"; exit 1; }
ifdef UV
	uv venv --quiet --python $(PYTHON) $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) -e '.[standard,piper]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo package.json
	needs=$$($(REQUIREMENTS) test) && $(INSTALL) -e '.[valkey]' $$needs
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
		|| PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT=5000 $(BIN)/python -m playwright install chromium \
		|| echo "No Chromium found, and none to be had: the browser tests will be skipped."
	@if command -v npm >/dev/null; then npm install --silent --no-audit --no-fund \
		|| echo "npm could not install the JavaScript tools: the types of the browser client are not checked."; fi
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	needs=$$($(REQUIREMENTS) lint) && $(INSTALL) $$needs
	@touch $@
