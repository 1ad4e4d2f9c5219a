# Everything by one word; CMakeLists.txt does the building.
#   make            builds build/stria and libstria (installs nothing; says what is missing)
#   make demo       installs what is missing (Debian), builds, trains LeNet on Fashion-MNIST
#   make check      installs what is missing (Debian), builds, runs the tests
#   make check-all  make check under sanitizers, both compilers, every instruction set, valgrind, clang-tidy
#   make conformance   runs ONNX's own test cases and writes docs/conformance.md
#   make bench | install PREFIX=… DESTDIR=… | deps | format | clean
BUILD  ?= build
PREFIX ?= /usr/local
CMAKE_FLAGS ?=

# Data sets that lie in a folder "data" near the checkout are used by tests that need real data.
mnist_folder := $(firstword $(wildcard ../data/mnist ../*/data/mnist))
ifneq ($(mnist_folder),)
export STRIA_TEST_DATA ?= $(abspath $(mnist_folder)/..)
endif

.PHONY: conformance build build-all configure deps demo check check-all bench install format clean
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
	@tools/install-deps build demo check check-all
	@tools/check-all

# ONNX's own cases of every operator that the package libonnx-testdata has.
onnx_cases = /usr/share/libonnx-testdata/data
conformance: build
	@test -d $(onnx_cases) || { echo "make conformance: there is no $(onnx_cases): apt-get install libonnx-testdata"; exit 1; }
	tools/conformance $(BUILD)/stria --table docs/conformance.md $(onnx_cases)/node/* $(onnx_cases)/pytorch-operator/* \
	    $(onnx_cases)/pytorch-converted/* $(onnx_cases)/simple/*

bench: build-all
	@for program in $(BUILD)/bench/*; do if [ -x "$$program" ]; then echo "== $$program"; "$$program" || exit 1; fi; done

install: build
	cmake --install $(BUILD) --prefix $(PREFIX)

format:
	tools/format

clean:
	rm -rf $(BUILD) build-check
