# Everything a developer runs. `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help build up test bench lint format

GO   ?= go
TOOL := $(GO) tool -modfile=tools/go.mod

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/tiffin
	$(GO) build -o bin/tiffin ./cmd/tiffin

up: build ## build and run everything in one process tree; ARGS="--data=..." are passed on
	bin/tiffin up $(ARGS)

# The servers' runner is built, not `go run`: that would hide the exit code and not pass signals on.
bin/testservers: FORCE
	@$(GO) build -o $@ ./internal/testservers/cmd

GOTESTSUM := $(TOOL) gotestsum --format=pkgname-and-test-fails --format-hide-empty-pkg

# The large tests explore and simulate for minutes (the race detector would make them four times as slow, and what they run has tests with it), and build k6.
test: $(if $(PKG),,lint) bin/testservers ## lint, then all tests, with the race detector, on real Kafka, PostgreSQL and Redis; or only PKG=./saga/...
	bin/testservers -- $(GOTESTSUM) -- -race -timeout 20m $(or $(PKG),./...)
	$(GOTESTSUM) -- -tags large -run '^TestLarge' -timeout 20m $(or $(PKG),./...)

bench: build bin/testservers ## measure what the docs claim, on the same servers, and print a table; ARGS="-only=B1,B4"; or PKG=./saga/...: the benchmarks of packages
ifdef PKG
	bin/testservers -- $(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -timeout 60m $(PKG)
else
	$(GO) build -o bin/bench ./internal/bench
	bin/testservers -- bin/bench $(ARGS)
endif

lint: ## check style and import directions (the first run builds the linter: some minutes)
	$(TOOL) golangci-lint run ./...

format: ## format all Go code
	$(TOOL) gofumpt -w $$($(GO) list -f '{{.Dir}}' ./...)

FORCE:
