# make demo   draws the hinge loss into out/
# make test   checks style and types, then runs the tests
# Each makes .venv on first use; the stamps in it are older than pyproject.toml when there is something to install.

VENV    := .venv
PYTHON  ?= python3
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip install --quiet --disable-pip-version-check
CHECKED := $(wildcard gradviz tests examples benchmarks)
# What some tests drive and make pictures needs: a browser, and a small TeX with TikZ and beamer.
DEBIAN  := chromium fonts-dejavu-core poppler-utils texlive-latex-recommended texlive-pictures

.DELETE_ON_ERROR:
.PHONY: help demo test lint format pictures bench clean programs

help:
	@echo "make demo      draw examples/hinge_loss.py into out/"
	@echo "make test      lint, types, tests"
	@echo "make lint      ruff and mypy alone"
	@echo "make format    let ruff rewrite the files"
	@echo "make pictures  draw the pictures of README and docs again, train the examples, list the proofs"
	@echo "make bench     measure against the peers"
	@echo "make clean     remove .venv, out and the caches"

demo: $(VENV)/.package
	@mkdir -p out
	@$(BIN)/gradviz render examples/hinge_loss.py --format svg --format png -o out/hinge_loss.svg
	@echo "The picture is in out/hinge_loss.svg, and as pixels in out/hinge_loss.png"

# Continuous integration also installs torch and ONNX, which the layers are compared with; elsewhere those tests
# run where tests/requirements.txt is installed.
PEERS   := $(if $(CI),$(VENV)/.peers)

# pytest runs last, so that the output closes on its summary; on all cores, since most tests wait for none.
test: lint programs $(PEERS)
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(VENV)/.test
	@$(BIN)/ruff check --quiet $(CHECKED)
	@$(BIN)/ruff format --quiet --check $(CHECKED) || { echo "Some files are not formatted: run make format"; exit 1; }
	@$(BIN)/mypy --no-error-summary

format: $(VENV)/.test
	@$(BIN)/ruff check --quiet --fix $(CHECKED); $(BIN)/ruff format $(CHECKED)

# Not while mypy looks at what is installed.
$(VENV)/.peers: tests/requirements.txt $(VENV)/.test | lint
	@$(PIP) --requirement tests/requirements.txt
	@touch $@

pictures: $(VENV)/.test programs
	@$(BIN)/gradviz render examples/hinge_loss.py -o docs/hinge_loss.svg
	@for script in examples/*.py; do $(BIN)/gradviz render "$$script" -o docs/gallery/ || exit 1; done
	@PYTHONPATH=tests $(BIN)/python tests/results.py
	@$(BIN)/python tests/shots.py docs/shots
	@PYTHONPATH=tests $(BIN)/python tests/proofs.py > docs/proofs.md

# Root on Debian gets the programs; anybody else is told what is skipped.
programs:
	@dpkg -s $(DEBIAN) >/dev/null 2>&1 || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing $(DEBIAN); this takes a minute or two, once." && \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(DEBIAN) >/dev/null; } || \
	  echo "Tests of what is not installed are skipped; Debian has it in $(DEBIAN)."

bench: $(VENV)/.bench
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "gradviz needs Python 3.11 or newer, and there is no $(PYTHON) here."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gradviz needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1)."; \
	  echo "Name another one: make $(or $(MAKECMDGOALS),demo) PYTHON=python3.12"; exit 1; }
	@echo "Making $(VENV) and installing into it; this takes a minute, once."
	@$(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu install python3-venv."; exit 1; }

$(VENV)/.package: pyproject.toml | $(BIN)/python
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.package

$(VENV)/.bench: $(wildcard benchmarks/requirements.txt) $(VENV)/.test
	@if [ -f benchmarks/requirements.txt ]; then $(PIP) --requirement benchmarks/requirements.txt; fi
	@touch $@
