# One-command targets; continuous integration calls the same ones (.ci/run).
# `make` or `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# A failed check does not hide what the others would have said.
MAKEFLAGS += --keep-going --no-print-directory

SWIFT ?= swift
FUZZ_SECONDS ?= 30
DEMO_ARGUMENTS ?=
PYTEST_ARGUMENTS ?=
PERF_ARGUMENTS ?=

# What the product is built with, and what its tests and measurements use besides.
BUILD_PACKAGES := libcurl4-openssl-dev libssl-dev libsystemd-dev libzstd-dev pkg-config
TEST_PACKAGES := age zstd nginx jq openssl curl python3-venv strace systemd testssl.sh sslscan \
    prometheus
PERF_PACKAGES := nginx haproxy wrk linux-perf python3 gcc libc6-dev libssl-dev procps openssl

# An import that Package.swift does not declare compiles silently unless this is said.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
SANITIZED_TESTS := AuditRingsTests|RateLimitingTests|AuditWriterTests|WorkerTests
SWIFT_SOURCES := $(wildcard Sources Tests Benchmarks Package.swift)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.PHONY: run
run: build-deps ## install what is needed, build for release, start the demonstration
	$(SWIFT) build -c release --product sallyport
	$(SWIFT) build -c release --product sallyport-audit
	exec "$$($(SWIFT) build -c release --show-bin-path)/sallyport" demo $(DEMO_ARGUMENTS)

.PHONY: test
test: deps format swift-test system-test ## run every test: format, tidy, unit, corpus, system

.PHONY: check
check: format tidy ## the quick checks before a commit: format and the house rules

# ---- parts of the above

.PHONY: toolchain
toolchain:
	@command -v $(SWIFT) >/dev/null || { \
	    echo "no swift on PATH; install Swift 6.3 or later (https://www.swift.org/install/linux/)" >&2; \
	    exit 1; }

.PHONY: build-deps
build-deps: toolchain
	scripts/install-packages $(BUILD_PACKAGES)

.PHONY: deps
deps: toolchain ## install the Debian packages that building and testing need
	scripts/install-packages $(sort $(BUILD_PACKAGES) $(TEST_PACKAGES))

.PHONY: build
build: build-deps ## build everything for debugging, undeclared imports refused
	$(SWIFT) build $(SWIFT_FLAGS) --build-tests

.PHONY: format
format: toolchain ## check the format of every Swift file
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_SOURCES)

.PHONY: tidy
tidy: build ## check the house rules (Tests/TidyTests)
	$(SWIFT) test $(SWIFT_FLAGS) --skip-build --filter TidyTests

.PHONY: swift-test
swift-test: build ## run the Swift tests, tidy rules and corpus replay included
	$(SWIFT) test $(SWIFT_FLAGS) --skip-build

.PHONY: system-test
system-test: build ## run the system tests (pytest): the built program against real peers
	SALLYPORT_BIN="$$($(SWIFT) build $(SWIFT_FLAGS) --show-bin-path)/sallyport" \
	    Tests/System/run $(PYTEST_ARGUMENTS)

# ---- packages

.PHONY: deb
deb: build-deps ## build a Debian package in .build/deb
	$(SWIFT) build -c release --static-swift-stdlib --product sallyport
	$(SWIFT) build -c release --static-swift-stdlib --product sallyport-audit
	packaging/deb "$$($(SWIFT) build -c release --show-bin-path)" .build/deb

.PHONY: deb-test
deb-test: deb ## install the package here, let it answer, and remove it (needs root)
	packaging/test-deb .build/deb/sallyport_*.deb

# ---- sanitizers, fuzzing, measurements

.PHONY: tsan
tsan: build-deps ## run the tests of what threads share under the thread sanitizer
	$(SWIFT) test --sanitize=thread --scratch-path .build-tsan --filter '$(SANITIZED_TESTS)'

# The leak checker cannot attach under `swift test`.
.PHONY: asan
asan: build-deps ## run the Swift tests under the address sanitizer
	ASAN_OPTIONS=detect_leaks=0 \
	    $(SWIFT) test --sanitize=address --scratch-path .build-asan --skip TidyTests

.PHONY: fuzz
fuzz: build-deps ## fuzz each parser for FUZZ_SECONDS
	scripts/fuzz $(FUZZ_SECONDS)

.PHONY: bench
bench: build-deps ## run the micro-benchmarks
	cd Benchmarks && $(SWIFT) run -c release

.PHONY: perf
perf: build-deps ## measure Sallyport against nginx and HAProxy on this machine
	scripts/install-packages $(PERF_PACKAGES)
	$(SWIFT) build -c release
	perf/run $(PERF_ARGUMENTS)

.PHONY: clean
clean: ## remove what was built
	rm -rf .build .build-tsan .build-asan .build-fuzz .build-ci
