# `make help` lists the targets. The command, the bench and the tests share one release build.

SWIFT ?= swift
RELEASE := -c release
BIN := .build/release
DEMO := out/demo
SOURCES := Package.swift Sources Tests
MAX_LINES := 700

# Debian package : pkg-config module that shows it is there, if there is one. OpenBLAS is loaded when first needed, so what
# it takes is its library alone.
PACKAGES := libfftw3-dev:fftw3f libpng-dev:libpng libtiff-dev:libtiff-4 libjpeg62-turbo-dev:libjpeg \
	zlib1g-dev:zlib libssl-dev:libcrypto libopenblas0-pthread:

.PHONY: build packages demo test format lint fuzz sanitize sanitize-address sanitize-thread clean help
.DEFAULT_GOAL := build

build: packages ## build the lucency command and the bench (release)
	$(SWIFT) build $(RELEASE) --product lucency
	$(SWIFT) build $(RELEASE) --product lucency-bench

packages: ## look for the Debian packages that the build needs; install the missing ones when root
	@missing=; \
	has() { [ "$$(dpkg-query -W -f='$${db:Status-Status}' "$$1" 2>/dev/null)" = installed ]; }; \
	command -v pkg-config >/dev/null 2>&1 || missing=" pkg-config"; \
	for entry in $(PACKAGES); do \
		pkg-config --exists "$${entry#*:}" 2>/dev/null || has "$${entry%%:*}" || missing="$$missing $${entry%%:*}"; \
	done; \
	[ -z "$$missing" ] && exit 0; \
	if ! command -v apt-get >/dev/null 2>&1; then \
		echo "These libraries are missing, and there is no apt-get to install them (Debian names):$$missing" >&2; exit 1; \
	elif [ "$$(id -u)" = 0 ]; then \
		echo "Installing missing Debian packages:$$missing"; \
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends$$missing; \
	else \
		echo "Debian packages are missing. Install them and run make again:" >&2; \
		echo "  sudo apt-get install -y --no-install-recommends$$missing" >&2; exit 1; \
	fi

demo: build ## segment membranes in four images rendered by code, with the network that ships
	rm -rf $(DEMO)
	$(BIN)/lucency phantom phantoms/membranes.yaml --output $(DEMO)/input --count 4 --seed 1
	$(BIN)/lucency run pipelines/em-membranes-model.yaml --input $(DEMO)/input/image --output $(DEMO)/result
	@echo
	@echo "Done. Look at:"
	@echo "  $(DEMO)/result/overlays     membranes drawn over the images"
	@echo "  $(DEMO)/result/masks        the masks themselves (0 cell, 1 membrane)"
	@echo "  $(DEMO)/result/confidence   how sure the network is of each pixel, 0.5 to 1"
	@echo "  $(DEMO)/input/image         the images;  $(DEMO)/input/label  their true masks"

test: packages ## build and run all tests (release; shares what build has built)
	$(SWIFT) build $(RELEASE) --build-tests
	$(SWIFT) test $(RELEASE) --disable-testable-imports --disable-xctest

format: ## format the Swift sources in place
	$(SWIFT) format -i -r $(SOURCES)

lint: ## check formatting, and that no file is longer than $(MAX_LINES) lines
	$(SWIFT) format lint --strict -r $(SOURCES)
	@find $(SOURCES) \( -name '*.swift' -o -name '*.c' -o -name '*.h' \) -not -path '*/.build*' -exec wc -l {} \; \
		| awk '$$1 > $(MAX_LINES) { print $$2 ": " $$1 " lines, more than $(MAX_LINES)"; bad = 1 } END { exit bad }'

sanitize: sanitize-address sanitize-thread ## run the tests under the address and the thread sanitizer

# Release builds: the loops of the engine are about twenty times as slow in debug ones. The embedding example builds another
# package, in which nothing would be sanitized.
SANITIZED = $(RELEASE) --disable-testable-imports --disable-xctest --skip EmbeddingTests

sanitize-address: packages
	LSAN_OPTIONS=suppressions=$(CURDIR)/.leaks:print_suppressions=0 \
		$(SWIFT) test $(SANITIZED) --sanitize address --scratch-path .build/address

sanitize-thread: packages
	TSAN_OPTIONS=halt_on_error=0 $(SWIFT) test $(SANITIZED) --sanitize thread --scratch-path .build/thread

# Seconds for each harness; the build of its own takes minutes the first time.
FUZZ_SECONDS ?= 30

fuzz: packages ## fuzz the readers, each for FUZZ_SECONDS (30)
	Tests/Fuzz/run.sh $(FUZZ_SECONDS)

clean: ## remove everything that was built or rendered
	rm -rf .build out

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | sed 's/$$(MAX_LINES)/$(MAX_LINES)/' \
		| while IFS='|' read -r name text; do printf '%-12s %s\n' "$$name" "$$text"; done
