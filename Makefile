# The project's habits. `make demo` runs the main job, `make test` passes the tests; both set up what they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

.PHONY: setup demo test judges lint types layers protos regenerate bench peers ci clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[node,gateway,authority,postgres,mariadb,parquet,analysis]' --group dev
	touch $@

demo: setup
	$(BIN)/landbridge demo

# Hundreds of processes load the same modules: each is compiled once, whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup
	@$(BIN)/python -m tests.judges.judge
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

# The outside judges of the tests, tried once more; what is missing, the tests name at their end.
judges: setup
	@$(BIN)/python -m tests.judges.judge --again

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd protos && ../$(BIN)/buf lint && ../$(BIN)/buf format --diff --exit-code

types: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports --no-cache

# Generates the wire code anew and compares it with what is committed.
protos: setup
	rm -rf build/protos && mkdir -p build/protos
	$(BIN)/python -m grpc_tools.protoc -I protos --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
		--plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
		--python_out=build/protos --grpc_python_out=build/protos \
		--mypy_out=build/protos --mypy_grpc_out=build/protos \
		protos/landbridge/v1/*.proto
	find build/protos -name '*_pb2_grpc.py*' ! -name '*_service_pb2_grpc.py*' -delete
	touch build/protos/landbridge/v1/__init__.py
	diff -r -x __pycache__ build/protos/landbridge/v1 landbridge/v1

# Takes the newly generated wire code over.
regenerate:
	-$(MAKE) --no-print-directory protos >/dev/null 2>&1
	test -f build/protos/landbridge/v1/query_pb2.py
	rm -rf landbridge/v1 && cp -r build/protos/landbridge/v1 landbridge/v1

bench: setup
	$(BIN)/python -m bench throughput -o json

# What `python -m bench peers` measures beside Landbridge; nothing else needs it.
peers: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group peers
	$(BIN)/python -m bench.peers.install

ci: lint types layers protos test

clean:
	rm -rf $(VENV) build dist .landbridge
