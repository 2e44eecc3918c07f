# The commands of the README. Each sets up what it needs: a virtual environment, and bubblewrap where that is allowed.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
HUB ?= .venv/hub
OTTER ?= .venv/otter
export PYTHONWARNINGS := ignore::DeprecationWarning

.PHONY: help setup jail browser demo test test-all lint book page pdf release kit train cifar experiments explorers bench bench-kernels bench-train bench-cluster bench-pages bench-verdicts bench-luck bench-kit bench-live bench-web bridge postgres hub hub-test tensorflow compare50 otter bridge-record links clean

help:  ## show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: setup jail  ## everything once: release, grade a sample class, feedback, the book, reports
	@$(BIN)/python -m benchmarks.demo

test: setup jail browser lint  ## lint, types, spelling, and all tests but the slow ones
	@$(BIN)/python -m pytest -m "not slow"

test-all: setup jail browser lint bridge postgres compare50 otter  ## the same with the slow tests, and with PyTorch, Keras, PostgreSQL's driver, compare50 and otter-grader, which it installs
	@KERAS_BACKEND=torch $(BIN)/python -c 'import torch, keras, tensorboard'  # so that their tests cannot be skipped in silence
	@$(BIN)/python -m pytest

lint: setup  ## lint, types, spelling, and what is asked of the files of chapters
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/mypy --no-error-summary && $(BIN)/codespell && $(BIN)/autograder rules

book: setup  ## build the book into _build/html
	@$(BIN)/jupyter-book build -W -n --keep-going .

page: setup  ## build one page quickly and say where it is: make page PAGE=02-filters
	@$(BIN)/python -m autograder.publishing.pages "$(PAGE)"

pdf: setup browser  ## print the built book as a PDF, or one page of it: make pdf PAGE=02-filters
	@$(BIN)/python -m autograder.site.paper "$(PAGE)"

release: setup  ## make the learners' notebooks in classroom/release
	@$(BIN)/autograder release

bench: setup jail  ## grade the same submissions with this grader, stock nbgrader and, after `make otter`, otter-grader; then attacks on all
	@OTTER_ENVIRONMENT=$(OTTER) $(BIN)/python -m benchmarks.grading

bench-cluster: setup jail  ## what a submission costs, and 100,000 of them simulated on clusters of many sizes
	@$(BIN)/python -m benchmarks.cluster

bench-pages: setup  ## run each chapter's notebook from the reference, and its checks, and print the seconds
	@$(BIN)/python -m benchmarks.pages

bench-verdicts: setup  ## make two thousand wrong kernels: is each rejected, and is a true cause named?
	@$(BIN)/python -m benchmarks.verdicts

bench-luck: setup  ## grade every known mistake and right way under twenty seeds: is it always the same grade?
	@$(BIN)/python -m benchmarks.luck

kit: setup  ## build what learners install, a wheel, into dist/
	@$(BIN)/python -m autograder.publishing.kit

bench-kit: setup  ## install the kit in an environment of its own, check every kernel, print packages, MB, seconds; wants PyPI
	@$(BIN)/python -m benchmarks.kit

bench-live: setup  ## the live page: its weight, seconds to the first report and of later checks; wants `make book`
	@$(BIN)/python -m benchmarks.live

bench-web: setup  ## what each page of the book weighs, and its seconds on fast 4G; wants `make book`
	@$(BIN)/python -m benchmarks.web

train: setup  ## train the four networks and write the record that the book shows; wants MNIST, takes one to two hours
	@$(BIN)/python -m benchmarks.train

cifar: setup  ## train a network on CIFAR-10 and add it to that record; wants CIFAR-10, takes up to 25 minutes for each of three seeds
	@$(BIN)/python -m benchmarks.train cifar

experiments: setup  ## run the longer trainings of chapter 11 and write the record that it shows; takes about eight minutes
	@$(BIN)/python -m benchmarks.left_out

explorers: setup  ## train the two networks that explorers show and write their weights; wants MNIST, takes about two minutes
	@$(BIN)/python -m benchmarks.explorers

bench-kernels: setup  ## time each kernel against the bare matrix product, SciPy and PyTorch
	@$(BIN)/python -m benchmarks.kernels

bench-train: setup  ## time an epoch of the network of article 2 in NumPy, PyTorch and Keras
	@$(BIN)/python -m benchmarks.training_speed

bridge: setup  ## install Keras, PyTorch and TensorBoard, which the bridge page and the benchmarks compare with
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[teach,write,dev,cluster,bridge]'

postgres: setup  ## install the driver of PostgreSQL, for a gradebook on a server
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[postgres]'

hub: kit  ## an environment for JupyterHub in .venv/hub, or where HUB=… says, with the learners' kit; wants PyPI, and node with npm
	@test -x $(HUB)/bin/pip || $(BIN)/python -m venv $(HUB)
	@$(HUB)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement examples/hub/requirements.txt
	@$(HUB)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --force-reinstall --no-deps dist/cnn_course-*.whl
	@$(HUB)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt dist/cnn_course-*.whl  # what the kit needs
	@npm install --silent --no-audit --no-fund --prefix $(HUB) "configurable-http-proxy@$$(sed -n 's/.*"configurable-http-proxy": "\([^"]*\)".*/\1/p' examples/hub/package.json)"

hub-test: hub jail browser  ## a learner and an instructor go through a whole round on a JupyterHub; wants root
	@HUB_ENVIRONMENT=$(HUB) $(BIN)/python -m pytest tests/test_hub.py

tensorflow: setup  ## TensorFlow for the bridge page, in an environment of its own: its pins and ours quarrel
	@test -x .venv/tensorflow/bin/pip || $(BIN)/python -m venv .venv/tensorflow
	@.venv/tensorflow/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/tensorflow.txt

compare50: setup  ## what `autograder report --similar` asks, in an environment of its own: it wants attrs below 21; wants PyPI
	@test -x .venv/compare50/bin/pip || $(BIN)/python -m venv .venv/compare50
	@.venv/compare50/bin/pip install --quiet --disable-pip-version-check --requirement autograder/grading/compare50.txt

bridge-record: bridge browser tensorflow  ## run the bridge page in PyTorch and TensorFlow, write its record, photograph TensorBoard; wants MNIST
	@$(BIN)/python -m benchmarks.bridge

otter: kit  ## otter-grader for `make bench`, in an environment of its own in .venv/otter, with the learners' kit; wants PyPI
	@test -x $(OTTER)/bin/pip || $(BIN)/python -m venv $(OTTER)
	@$(OTTER)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement benchmarks/otter.txt
	@$(OTTER)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --force-reinstall --no-deps dist/cnn_course-*.whl
	@$(OTTER)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt dist/cnn_course-*.whl  # what the kit needs

links: setup  ## follow the links of the book; needs a network
	@$(BIN)/jupyter-book build --builder linkcheck .

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11"; exit 1; }
	@test -w . || { echo "nothing can be written in $(CURDIR): copy or clone the course to a folder of your own"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing; install it with: sudo apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { echo "no virtual environment could be made in $(CURDIR)/.venv, for the reason above"; exit 1; }
	@echo "installing Python packages into .venv (about a minute) …"
	@$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt --editable '.[teach,write,dev,cluster]'
	@$(BIN)/python -m compileall -q -j 0 -x '/site-packages/.*/tests/' "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" autograder course solutions benchmarks >/dev/null 2>&1 || true  # on every core: pip would use one
	@touch $@

jail:
	@command -v bwrap >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing bubblewrap …" && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bubblewrap libseccomp2 >/dev/null; } || { echo "grading needs bubblewrap; install it with: sudo apt-get install bubblewrap libseccomp2"; exit 1; }

browser:  # the tests of the book open it in one; without one they are skipped, and say so
	@command -v chromium chromium-browser google-chrome >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing Chromium …" && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } || echo "no Chromium: tests in a browser are skipped; install it with: sudo apt-get install chromium"

clean:  ## remove what was built; the classroom stays
	@rm -rf _build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
