# Needs make and Python 3.11 or newer with venv; `make PYTHON=python3.12 run` names another one.
PYTHON ?= python3
UV ?= uv
ARGS ?=

.PHONY: run test lint bench lock clean

# Pail with a demo tracker, in the foreground; HOST, PORT and the other settings come from the environment.
run: .venv/installed
	@exec .venv/bin/pail up --demo

test: .venv/installed-dev
	.venv/bin/python -m pytest -n auto --maxprocesses 4 $(ARGS)

lint: .venv/installed-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: .venv/installed-dev
	.venv/bin/python -m bench $(ARGS)

# Keeps the versions that still fit; `make lock ARGS=--upgrade` takes the newest.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-header $(ARGS) pyproject.toml
lock:
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --extra dev --output-file requirements-dev.lock

# Leaves the data directory alone.
clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is written last: an interrupted install is taken up again by the next make.
CHECK = import sys; sys.version_info < (3, 11) and sys.exit( \
	"Pail needs Python 3.11 or newer, this is %d.%d: make PYTHON=python3.11 ..." % sys.version_info[:2])
define install
	@$(PYTHON) -c '$(CHECK)'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
endef

.venv/installed: requirements.lock pyproject.toml
	$(install)
	@touch $@

.venv/installed-dev: requirements-dev.lock requirements.lock pyproject.toml
	$(install)
	@touch .venv/installed $@
