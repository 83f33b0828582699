# Every target does its own set-up: on Debian or Ubuntu with Go, Node.js and apt, nothing has to be done before.
# `make` or `make help` lists the targets.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN     := bin/symphony
# The page of symphony dev, and one more that the browser tests open: plain y-websocket clients.
PAGES   := examples/whiteboard/dist/index.html examples/hello/dist/index.html
# grpcnotrace: without grpc's pages for debugging, which nobody serves here, the linker can leave out what is never called: see
# cmd/symphony/link_test.go.
BUILD   := CGO_ENABLED=0 $(GO) build -trimpath -tags grpcnotrace -ldflags "-s -w -X github.com/symphony-rtc/symphony/internal/cli.version=$(VERSION)"

# What the race detector watches: everything with goroutines of its own.
RACE_PACKAGES := ./internal/room/... ./internal/gateway/... ./internal/store/... ./internal/admin/... ./internal/app/... ./internal/cluster/... ./internal/ipc/... ./internal/link ./internal/proxy/... ./internal/ws/... ./protocol/...

# Where the editing trace of the engine's benchmark is, if it is there.
TRACES := $(abspath $(or $(SYMPHONY_TRACES),../shared/data/editing-traces))

GO_DIRS := bench cmd crdt examples internal protocol test

SETUP := scripts/setup.sh

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## start a server with a demo page on http://127.0.0.1:8080/
	@$(BIN) dev $(ARGS)

build: page ## build bin/symphony, a static binary with everything in it
	@$(SETUP) go
	@$(BUILD) -o $(BIN) ./cmd/symphony

page: node $(PAGES)

examples/%/dist/index.html: package-lock.json $(shell find examples/*/build.mjs examples/*/src packages/*/src -type f) | node
	@node examples/$*/build.mjs

node:
	@$(SETUP) node

# SYMPHONY_TEST_ALL turns a test that is skipped for a missing tool into one that fails.
test: export SYMPHONY_TEST_ALL = 1
test: ## run all tests: linters, fuzzing, race detector, Node, browser, crash
	@$(SETUP) go race chromium postgres s3 gcs azure etcd namespaces faketime curl
	@$(MAKE) --no-print-directory build lint
	@$(MAKE) --no-print-directory test-packages
	@$(MAKE) --no-print-directory test-fuzz test-race
	@$(MAKE) --no-print-directory test-crash RUNS=200
	@$(MAKE) --no-print-directory test-k8s ARGS=-test.short
	@echo "== tests"
	@$(GO) test -timeout 30m ./...

test-packages: build ## test the npm packages: types, size, what publint says, and in Node beside a real server
	@echo "== npm packages"
	@node scripts/check-packages.mjs
	@for package in client react; do (cd packages/$$package && npx --no-install vitest run) || exit 1; done

test-race:
	@echo "== race detector"
	@CGO_ENABLED=1 $(GO) test -race -short -timeout 15m $(RACE_PACKAGES)

test-fuzz:
	@echo "== fuzzing"
	@scripts/fuzz.sh 60

test-crash: node ## kill the server hundreds of times under real clients' writes: RUNS=300
	@$(SETUP) go
	@echo "== crashes"
	@SYMPHONY_CRASH_RUNS=$(or $(RUNS),300) $(GO) test -count=1 -v -timeout 2h ./test/crash

test-faults: node ## put server, Postgres and S3 through every fault many times and write docs/faults.md: ROUNDS=25
	@$(SETUP) go postgres s3 faketime
	@echo "== faults"
	@SYMPHONY_TEST_ALL=1 SYMPHONY_MATRIX_ROUNDS=$(or $(ROUNDS),25) SYMPHONY_MATRIX_REPORT=docs/faults.md \
		$(GO) test -count=1 -v -timeout 6h -run TestMatrix ./test/matrix

test-k8s: node ## test pods, rights and rolling updates on a real Kubernetes node, which it starts: ARGS="-test.short"
	@$(SETUP) go postgres s3 etcd
	@echo "== kubernetes"
	@SYMPHONY_TEST_ALL=1 scripts/test-k8s.sh $(or $(ARGS),-test.v)

test-cluster: node ## put a cluster through every fault many times and write docs/cluster-faults.md: ROUNDS=25
	@$(SETUP) go postgres s3 etcd namespaces
	@echo "== cluster faults"
	@SYMPHONY_TEST_ALL=1 SYMPHONY_CLUSTER_ROUNDS=$(or $(ROUNDS),25) SYMPHONY_CLUSTER_REPORT=docs/cluster-faults.md \
		$(GO) test -count=1 -v -timeout 12h -run TestCluster ./test/cluster

test-oracle: node ## compare more random documents with yjs: CASES=100000 SEED=2
	@$(SETUP) go
	@SYMPHONY_ORACLE_CASES=$(or $(CASES),100000) SYMPHONY_ORACLE_SEED=$(or $(SEED),2) $(GO) test -count=1 -v -timeout 6h ./test/oracle/...

bench: build ## measure the engine (beside yjs) and the server on this machine
	@echo "== engine, beside yjs"
	@if [ -e "$(TRACES)/automerge-paper.json.gz" ]; then SYMPHONY_TRACES=$(TRACES) $(GO) run ./bench/engine; \
		else echo "left out: it replays automerge-paper.json.gz of github.com/josephg/editing-traces, which is not in $(TRACES)" \
		"(set SYMPHONY_TRACES)"; fi
	@echo "== parts"
	@$(GO) test -run '^$$' -bench . -benchmem ./crdt/... ./protocol/... ./internal/gateway ./internal/store/embedded
	@echo "== server: the reference load"
	@scripts/bench-reference.sh $(BIN) $(or $(USERS),4000)

bench-compare: build node ## measure Symphony beside y-websocket's server (some minutes; ARGS=-search=false for a short one)
	@$(GO) run ./internal/bench/compare $(ARGS)

lint: node ## check Go and JavaScript: gofmt, vet, staticcheck, biome
	@$(SETUP) go
	@echo "== lint"
	@unformatted=$$(gofmt -l $(GO_DIRS)); \
		test -z "$$unformatted" || { echo "not formatted (run make fmt):"; echo "$$unformatted"; exit 1; }
	@$(GO) vet ./...
	@$(GO) tool staticcheck ./...
	@npx --no-install biome check --diagnostic-level=warn --error-on-warnings .

fmt: node ## format Go and JavaScript
	@gofmt -w $(GO_DIRS)
	@npx --no-install biome check --write .

docs: api-docs ## write the generated pages of docs/ anew
	@$(GO) run ./cmd/symphony config --list > docs/configuration.md

api-docs: node
	@node scripts/check-packages.mjs --write

fuzz: ## fuzz for longer: make fuzz SECONDS=3600
	@$(SETUP) go
	@scripts/fuzz.sh $(or $(SECONDS),1800)

clean: ## remove what was built (not the data of rooms)
	@rm -rf bin artifacts coverage
	@find examples/*/dist -mindepth 1 ! -name README.md -delete

.PHONY: help run build page node test test-packages test-race test-fuzz test-crash test-faults test-cluster test-k8s test-oracle bench bench-compare lint fmt docs api-docs fuzz clean
