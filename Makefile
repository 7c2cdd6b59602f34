# SPDX-License-Identifier: MIT
#
# The only entry point. Every target is listed by "make help"; the work is done
# by the scripts of virtme/ and scripts/.

SHELL  := /bin/bash
KERNEL ?= 6.12
KDIR   ?=
PREFIX ?= /usr/local
DESTDIR ?=
# What is installed without KERNEL= is for the kernel that runs.
OWN_KERNEL := $(if $(filter file,$(origin KERNEL)),,$(KERNEL))
BENCH_VARS := LENS CPUS ROUNDS SECONDS SIZES BALANCERS JSON

export KTCPVS_T0 := $(shell date +%s)

.DEFAULT_GOAL := help
.PHONY: help demo test test-debug test-fresh bench bench-objects bench-rules bench-swap build install uninstall gen check \
	programs module unit-tests fuzz abuse cost clean clean-cache

help: ## list the targets
	@echo "KTCPVS: layer-7 load balancing in the Linux kernel"
	@echo
	@awk -F ': .*## |## ' '/^[a-z-]+:.*## / { t = $$1; sub(/:.*/, "", t); printf "  make %-12s %s\n", t, $$NF }' $(MAKEFILE_LIST)
	@echo
	@echo "  LENS= ROUNDS= SIZES= BALANCERS=        what bench measures (virtme/bench/run --help)"
	@echo "  KERNEL=6.12|newest|debug|RELEASE   kernel to build for and to boot (6.12)"
	@echo "  KDIR=DIR                           build against this kernel build tree"
	@echo "  KTCPVS_CACHE=DIR                   guest root and kernels (~/.cache/ktcpvs)"
	@echo "  KTCPVS_MIRROR=URI                  Debian archive for the guest root"

demo: ## see it work: a VM, three web servers, real requests
	@virtme/setup
	@$(MAKE) --no-print-directory build
	@virtme/demo/run

test: ## everything but the debug kernel: static checks, unit tests, guest tests
	@virtme/suite test

test-debug: ## the guest tests on a kernel with KASAN, lockdep, kmemleak
	@virtme/suite debug

test-fresh: ## demo and test as a user with sudo in fresh Debian 12 and 13
	@virtme/test-fresh

bench: ## requests/s: direct, ktcpvs, HAProxy, nginx, in one VM
	@$(MAKE) --no-print-directory build
	@virtme/bench/run KERNEL=$(KERNEL) $(foreach v,$(BENCH_VARS),$(if $($(v)),"$(v)=$($(v))"))

bench-objects: ## 1,000 services, 100,000 servers: loading, listing, memory (LENS=, SERVICES=, SERVERS=)
	@$(MAKE) --no-print-directory build
	@virtme/bench/objects KERNEL=$(KERNEL) $(foreach v,LENS CPUS SERVICES SERVERS,$(if $($(v)),"$(v)=$($(v))"))

bench-rules: ## finding a rule among up to 100,000, and loading them (TABLES=, BALANCERS=, ROUNDS=)
	@$(MAKE) --no-print-directory build
	@virtme/bench/rules KERNEL=$(KERNEL) $(foreach v,TABLES BALANCERS ROUNDS SECONDS,$(if $($(v)),"$(v)=$($(v))"))

bench-swap: ## what a client notices of 1,000 services replaced in a commit (LENS=, SERVICES=, RULES=)
	@$(MAKE) --no-print-directory build
	@virtme/bench/swap KERNEL=$(KERNEL) $(foreach v,LENS CPUS SERVICES SERVERS RULES ROUNDS,$(if $($(v)),"$(v)=$($(v))"))

build: programs module ## bin/* and build/RELEASE/ktcpvs.ko (KERNEL=, KDIR=)

programs:
	@virtme/suite programs

module:
	@virtme/suite module "$(KERNEL)" "$(KDIR)"

unit-tests: ## the tests that need no VM
	@virtme/suite unit

fuzz: ## 10,000,000 executions of the parsers' fuzzers, llhttp and net/http beside (RUNS=, SECS=, SEED=)
	@$(foreach v,RUNS SECS SEED,$(if $($(v)),$(v)=$($(v)))) scripts/fuzz long

abuse: ## 1,000,000 random netlink messages to the module in a VM (N=, SEED=, KERNEL=)
	@$(MAKE) --no-print-directory build
	@virtme/abuse KERNEL=$(KERNEL) $(foreach v,N SEED,$(if $($(v)),"$(v)=$($(v))"))

cost: ## instructions and ns a head: our parser, llhttp, net/http
	@scripts/cost

install: ## module, programs, unit file and manual pages on this machine
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" KERNEL="$(OWN_KERNEL)" KDIR="$(KDIR)" scripts/install

uninstall: ## take away what install put there
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" scripts/install --remove

gen: ## regenerate what follows from module/netlink/specs/tcpvs.yaml
	@virtme/suite gen

check: ## generated files, gofmt, vet, staticcheck, sparse, checkpatch
	@virtme/check

clean: ## remove bin/ and build/
	rm -rf bin build

clean-cache: ## remove the guest root and the kernels (~/.cache/ktcpvs)
	@virtme/suite clean-cache
