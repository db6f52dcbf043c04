# Everything a newcomer types. Needs Python 3.10+ and make; `make` lists the targets.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 5000
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo student test lint types fuzz bench docs ui clean

help:  ## List the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Torch first and pinned: the tested pair of versions, and pip's download cache serves the second environment.
$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(BIN)/python -m pip install -q --no-compile --disable-pip-version-check -c constraints.txt torch torchvision
	@$(BIN)/python -m pip install -q --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

install: $(STAMP)  ## Make the environment

demo: $(STAMP)  ## Train Garg et al. on the synthetic streets and render the table (about six minutes on two cores)
	@$(BIN)/python -m depthrepro.train +experiment=garg_kitti
	@$(BIN)/python -m depthrepro.report garg_kitti

student: $(STAMP)  ## Depth Anything: teacher, pseudo-labels, student, table (about 15 minutes on two cores with bf16)
	@$(BIN)/python -m depthrepro.train +experiment=da_teacher
	@$(BIN)/python -m depthrepro.pseudo_label +experiment=da_student
	@$(BIN)/python -m depthrepro.train +experiment=da_student
	@$(BIN)/python -m depthrepro.train -m '+experiment/da_zero_shot=glob(*)'
	@$(BIN)/python -m depthrepro.report da_zero_shot

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy

test: lint types  ## Lint, check types, run the tests
	@$(BIN)/python -m pytest -n logical --maxprocesses 8 --dist loadfile

fuzz: $(STAMP)  ## Damage files of every kind for ten minutes and read them: nothing but a line may come out
	@$(BIN)/python -m tests.campaigns.fuzz

bench: $(STAMP)  ## Time what should be fast, beside its peers where they are (MONODEPTH2=<checkout>; transformers installed)
	@$(BIN)/python -m experiments.performance

docs: $(STAMP)  ## Make the site of docs/ in site/
	@$(BIN)/mkdocs build -q --strict

ui: $(STAMP)  ## Compare runs in the MLflow UI on http://127.0.0.1:5000 (PORT=... for another)
	@$(BIN)/python -m depthrepro.tracking ui --port $(PORT)

clean:  ## Remove the environment and the caches, keep runs/
	rm -rf $(VENV) build site *.egg-info .pytest_cache .mypy_cache .ruff_cache
