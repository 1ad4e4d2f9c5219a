# Everything by one word; CMakeLists.txt does the building.
#   make            builds build/stria and libstria (installs nothing; says what is missing)
#   make demo       installs what is missing (Debian), builds, trains LeNet on Fashion-MNIST
#   make check      installs what is missing (Debian), builds, runs the tests
#   make check-all  make check under sanitizers, both compilers, every instruction set, valgrind, clang-tidy
#   make fuzz MINUTES=10   runs every fuzzer of tests/fuzz in turn, for so long in all
#   make coverage  prints which lines and branches of src/ the tests run (gcovr)
#   make conformance   runs ONNX's own test cases and writes docs/conformance.md
#   make docs       writes docs/operators/
#   make bench      times kernels, and Stria beside PyTorch and ONNX Runtime where PYTHON (python3) has them
#   make bench-loader DATA=FOLDER  times loading photos beside PyTorch's DataLoader, where PYTHON has torch and torchvision
#   make bench-peers  times inference beside ONNX Runtime, OpenVINO, MNN and ncnn from PyPI (ARGS="--only resnet18:8 --rounds 3"),
#                   and writes docs/benchmarks/
#   make install PREFIX=… DESTDIR=… | deps | format | clean
BUILD  ?= build
PREFIX ?= /usr/local
CMAKE_FLAGS ?=

# The folder of real data sets (mnist/, …) for tests that need some: the first "data" beside the checkout that has mnist in
# it. Without one they are skipped, visibly.
export STRIA_TEST_DATA ?= $(abspath $(dir $(firstword $(wildcard ../data/mnist ../*/data/mnist))))

.PHONY: coverage conformance docs build build-all configure deps demo check check-all fuzz bench bench-loader bench-peers install format clean
.NOTPARALLEL:

build: configure
	cmake --build $(BUILD) --target stria libstria libstria_static

build-all: configure
	cmake --build $(BUILD)

# Warnings are errors where a machine reads them, not on a user's newer compiler.
configure:
	@tools/install-deps --check build
	@cmake -S . -B $(BUILD) -G Ninja --log-level=NOTICE -DCMAKE_INSTALL_PREFIX=$(PREFIX) \
	    -DSTRIA_WERROR=$(if $(CI),ON,OFF) $(CMAKE_FLAGS) >/dev/null

deps:
	@tools/install-deps build demo check

demo:
	@tools/install-deps build demo
	@$(MAKE) --no-print-directory build
	@tools/demo $(BUILD)

check: deps
	@$(MAKE) --no-print-directory build-all
	@tools/run-tests $(BUILD)

check-all:
	@tools/install-deps build demo check coverage check-all
	@tools/check-all

MINUTES ?= 10
fuzz:
	@tools/install-deps build check check-all
	@FUZZ_MINUTES=$(MINUTES) tools/check-all fuzz

coverage:
	@tools/install-deps build check coverage
	@tools/coverage

conformance: build
	@tools/make-conformance $(BUILD)

# docs/operators/, from the operators' own records.
docs: build-all
	@tools/operator-docs $(BUILD)/operator-docs docs/operators

bench: build-all
	@tools/bench $(BUILD)

PYTHON ?= python3
DATA ?= $(STRIA_TEST_DATA)/flowers17
bench-loader: configure
	@cmake --build $(BUILD) --target bench_loader
	@$(PYTHON) bench/loader.py $(BUILD) $(DATA) $(ARGS)

ARGS ?=
bench-peers: configure
	@cmake --build $(BUILD) --target stria bench_network
	@tools/bench-peers $(BUILD) $(ARGS)

install: build
	cmake --install $(BUILD) --prefix $(PREFIX)

format:
	tools/format

clean:
	rm -rf $(BUILD) build-check
