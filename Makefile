# Every target makes the environment it needs: .venv, with the exact versions of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
SUPPLY := .venv-supply/bin

CORES := $(shell getconf _NPROCESSORS_ONLN)
# Of the hundreds of processes that tests start each would compile everything anew where a machine
# has Python keep none of it.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := -m pytest --dist worksteal --numprocesses

.PHONY: demo try test test-lowest lint bench nano nano-dependents evaluate release sbom locks audit clean

demo: .venv/ready-generator
	@$(BIN)/python -m bot demo

# The bot in a browser, without Discord.
try: .venv/ready-generator
	@$(BIN)/python -m bot try

# By more processes than there are cores: tests of whole bots wait more than they compute.
test: .venv/ready
	OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST) $$(($(CORES) + 2))

# The quick tests with the lowest versions that pyproject.toml allows: those that meet a library, once
# each way that it is used. What is computed with PyTorch or safetensors alone (one version for both)
# or with the standard library is the same there; and of whole bots the plainest.
LOWEST := $(addprefix tests/generator/,annotators checkpoints/test_alignment.py checkpoints/test_resolve.py \
	cli/test_gif.py cli/test_gif_lora.py cli/test_model_command.py \
	detection inference/test_low_memory.py inference/test_pipeline.py media sources/test_fetch.py \
	sources/test_reader.py training/test_dataset.py) \
	$(patsubst %,tests/generator/model/test_%.py,clip_text controlnet loading lora_agreement \
	lora_formats lora_manager offload schedulers spatial_base text_encoding tokens unet) \
	$(patsubst %,tests/bot/storage/test_%.py,database database_trouble earlier_version gallery guilds \
	loras migrations move postgresql preferences same_answers) \
	$(addprefix tests/bot/,app commands core delivery gateway intake metrics tracing ui) \
	tests/bot/broker/test_certificates.py \
	$(patsubst %,tests/bot/end_to_end/test_gif.py::test_%,a_prompt_becomes_a_posted_file \
	cancel_is_for_the_owner_and_for_managers everybody_sees_their_own_history)

test-lowest: .venv-lowest/ready
	OMP_NUM_THREADS=1 .venv-lowest/bin/python $(PYTEST) $(CORES) -m "not slow" $(LOWEST)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready
	$(BIN)/python -m benchmarks

# Trains nano's next version, in runs/nano, part by part of two hours at most; goes on where it was
# interrupted. About two and a half hours on two cores.
nano: .venv/ready-generator
	@until $(BIN)/python -m tools.nano; do [ $$? -eq 75 ] || exit 1; done

# Measures and trains what hangs on nano's weights; goes on where it was interrupted.
nano-dependents: .venv/ready
	$(BIN)/python -m tools.nano.dependents

# Measures nano from the pixels of what it makes, and draws the sheet in the README.
evaluate: .venv/ready-generator
	$(BIN)/python -m tools.nano.evaluate

# Wheel and sdist of generator/contract/version.py's version in dist/, checked, and its notes.
release: .venv/ready .venv-supply/ready
	@$(BIN)/python -m tools.release
	@$(SUPPLY)/python -m tools.sbom

# What each lock of deploy/locks/ brings along, as CycloneDX, in dist/.
sbom: .venv-supply/ready
	@$(SUPPLY)/python -m tools.sbom

# Writes deploy/locks/ anew, by pyproject.toml and constraints.txt.
locks: .venv-supply/ready
	@$(SUPPLY)/python -m tools.locks

# Asks PyPI for holes that are known in what the locks hold. CI doesn't: it would be red by others' news.
audit: .venv-supply/ready
	@$(SUPPLY)/python -m tools.audit

# One environment, begun with what its first target needs: the file for each extra says it is there.
.venv/ready-generator: pyproject.toml constraints.txt .venv/bin/python
	@tools/environment.sh "$(PYTHON)" generator

.venv/ready: pyproject.toml constraints.txt .venv/bin/python
	@tools/environment.sh "$(PYTHON)" dev

.venv-lowest/ready: pyproject.toml constraints-lowest.txt .venv-lowest/bin/python
	@tools/environment.sh "$(PYTHON)" dev .venv-lowest constraints-lowest.txt

# Tools of releases, which need nothing of the project's.
.venv-supply/ready: pyproject.toml constraints.txt
	@$(PYTHON) -m venv .venv-supply
	@$(SUPPLY)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(SUPPLY)/python -m pip install --quiet --constraint constraints.txt --group supply
	@touch $@

# Where it has gone, as after an upgrade of the system's Python, the environment is made again.
.venv/bin/python .venv-lowest/bin/python: ;

clean:
	rm -rf .venv .venv-lowest .venv-supply build dist out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
