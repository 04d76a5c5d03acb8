# Two commands do everything on a fresh Debian machine with Python and make: `make demo` and `make test`.
.PHONY: demo test soak lint bench clean
.NOTPARALLEL:

# A stack starts dozens of processes: what Python compiled is kept, also where the surroundings say otherwise.
export PYTHONDONTWRITEBYTECODE :=

# make demo [INPUT=lesson.mp4] [ONCE=1] [HANDS_ON=1]
# A name of a file may hold anything: it goes by the environment as it was written, past make's and the shell's $.
override INPUT := $(value INPUT)
export INPUT
demo:
	@provisioning/environment demo
	@.venv/bin/backrow demo $(if $(INPUT),--input "$$INPUT") $(if $(filter-out 0,$(ONCE)),--once) $(if $(filter-out 0,$(HANDS_ON)),--hands-on)

# make test [TESTS="tests/unit -k manifest"]
# Whole stacks wait more than they compute: four workers more than there are cores, and the files in their order, so that
# those of whole stacks do not all come last.
test:
	@provisioning/environment dev
	@TMPDIR=$$(tests/scratch) .venv/bin/pytest --numprocesses $$(($$(nproc) + 4)) --dist loadfile --no-loadscope-reorder $(TESTS)

# make soak: what repeats for minutes a fact that `make test` shows once: kills at every point, nights and weeks, storms
soak:
	@provisioning/environment dev
	@TMPDIR=$$(tests/scratch) .venv/bin/pytest -m "soak and not hardware and not boot" --numprocesses $$(($$(nproc) + 1)) --dist loadfile $(TESTS)

lint:
	@provisioning/environment dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

# make bench: the ratios that the README names, each measured beside its peer in one run
bench:
	@provisioning/environment dev
	@.venv/bin/python -m tests.benchmarks

clean:
	rm -rf .venv build dist controller/static/vendor controller/assets/node_modules tests/node_modules demo-data
