# Tellua. `make help` lists the targets; docs/design.md says where things live.
# SPDX-License-Identifier: MIT

CONFIG ?= release
ifeq ($(filter $(CONFIG),release debug asan tsan cov),)
$(error unknown CONFIG=$(CONFIG): release debug asan tsan cov)
endif
BUILD ?= build/$(CONFIG)
PREFIX ?= /usr/local
LIBEXECDIR ?= $(PREFIX)/libexec
DESTDIR ?=
LUA ?= lua5.4
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

# --- what we stand on (README says why each) -------------------------------------------------
PKGS := gdal proj hdf5-serial jansson sqlite3 yajl libpng libwebp chafa glib-2.0 libdeflate nettle libuv libmicrohttpd hiredis $(LUA)
# Asked once, at the first use and not when this file is read: `make deps` may have to run first.
pkg = $(shell pkg-config $(1) $(PKGS) || echo missing)
PKG_CFLAGS = $(eval PKG_CFLAGS := $(patsubst -I%,-isystem %,$(call pkg,--cflags)))$(PKG_CHECK)$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(call pkg,--libs))$(PKG_LIBS)
PKG_CHECK = $(if $(filter missing,$(PKG_CFLAGS)),$(error libraries are missing: `make deps` installs them))

OPT_release := -O2 -g
OPT_debug := -O0 -g3 -DTL_DEBUG
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DTL_DEBUG
OPT_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread -DTL_DEBUG
OPT_cov := -O0 -g --coverage
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wformat=2 \
        -Wno-format-nonliteral $(if $(IS_CLANG),,-Wno-format-truncation) $(if $(filter 1,$(WERROR)),-Werror)
# One result everywhere: no contraction, no fast-math; errno and traps are not looked at.
FLOAT := -ffp-contract=off -fno-math-errno -fno-trapping-math
OUR_CFLAGS = -std=gnu11 -fPIC -fvisibility=hidden $(OPT_$(CONFIG)) $(FLOAT) $(WARN) -I. -I$(BUILD) $(PKG_CFLAGS)
ALL_CFLAGS = $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS)
# Each start looks for some 60,000 symbols in this order, so what has most comes first; GDAL needs the C++ runtime anyway.
LIBS = -lgdal -lc -Wl,--push-state,--no-as-needed -l:libstdc++.so.6 -Wl,--pop-state $(PKG_LIBS) -lm -lpthread
FACE_LIBS = -ledit

# --- sources ---------------------------------------------------------------------------------
# The program's alone: programs that embed Tellua need no command line and no line editor.
MAIN := runtime/main.c $(wildcard runtime/cli*.c)
SRC := $(filter-out $(MAIN),$(wildcard runtime/*.c modules/*/*.c))
LUA_SRC := $(wildcard runtime/*.lua modules/*/*.lua)
FACE_SRC := $(MAIN) $(wildcard repl/*.c)
FACE_LUA := $(wildcard repl/*.lua)
PAGE_SRC := $(wildcard modules/map/page/*)
OBJ := $(SRC:%.c=$(BUILD)/%.o) $(LUA_SRC:%.lua=$(BUILD)/%.lua.o) $(PAGE_SRC:%=$(BUILD)/%.o)
FACE_OBJ := $(FACE_SRC:%.c=$(BUILD)/%.o) $(FACE_LUA:%.lua=$(BUILD)/%.lua.o) \
            $(if $(FACE_LUA),$(BUILD)/repl/help_data.lua.o)
LIB := $(BUILD)/libtellua.a
PROG := $(BUILD)/tellua
-include worker/rules.mk
TEST_SRC := $(wildcard tests/c/*_test.c)
TESTS_C := $(TEST_SRC:%.c=$(BUILD)/%)

# --- flags and version, rewritten only when they change ----------------------------------------
$(shell mkdir -p $(BUILD))
FLAGS_NOW = $(CC) $(ALL_CFLAGS) $(LDFLAGS)
$(BUILD)/.flags: FORCE
	$(file >$@.now,$(FLAGS_NOW))
	@if cmp -s $@.now $@; then rm $@.now; else mv $@.now $@; fi
VERSION := $(shell cat VERSION)
VERSION_NOW := $(VERSION)$(shell git describe --always --dirty --exclude='*' 2>/dev/null | sed 's/^/+/')
$(BUILD)/build_version.h: FORCE
	@echo '#define TL_VERSION "$(VERSION_NOW)"' | cmp -s - $@ || echo '#define TL_VERSION "$(VERSION_NOW)"' > $@
FORCE:

PLACES_TRIED := $(if $(wildcard tools/mkplaces.c),build/places/.tried)
all: $(PROG) $(WORKER) $(BUILD)/tellua.so $(PLACES_TRIED) ## build the program and the shared library

$(BUILD)/%.o: %.c $(BUILD)/.flags | $(BUILD)/build_version.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS_$(basename $(notdir $<))) -MMD -MP -c $< -o $@

# The vector kernels once per instruction set; expr/run.c picks one at start.
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine 2>/dev/null || uname -m)),)
KERNEL_ISAS := avx2 avx512
endif
KERNELS := $(wildcard modules/expr/kernels.c modules/collection/sort_kernels.c modules/raster/smooth_kernels.c)
HAVE_ISAS = $(foreach i,$(KERNEL_ISAS),-DTL_HAVE_$(i))
CFLAGS_jail_spawn = -DTL_LIBEXEC='"$(LIBEXECDIR)"'
CFLAGS_kernels = -O3 $(HAVE_ISAS)
$(foreach f,sort_kernels reduce read predictor codec nearest points lattice smooth_kernels scene_source,$(eval CFLAGS_$(f) = -O3))
CFLAGS_run = $(HAVE_ISAS)
CFLAGS_reduce_sorted = -O3 $(HAVE_ISAS)
CFLAGS_smooth = -O3 $(HAVE_ISAS)
ISA_avx2 := -mavx2
ISA_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl
OBJ += $(foreach i,$(KERNEL_ISAS),$(KERNELS:%.c=$(BUILD)/%_$(i).o))
define kernel_rule
$$(BUILD)/%_$(1).o: %.c $$(BUILD)/.flags
	@mkdir -p $$(@D)
	@echo "  CC      $$< ($(1))"
	$$(Q)$$(CC) $$(ALL_CFLAGS) -O3 $$(ISA_$(1)) -DTL_KERNEL_ISA=$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach i,$(KERNEL_ISAS),$(eval $(call kernel_rule,$(i))))

# The half that is easier in Lua, compiled in as bytecode; what functions are compiled with, as text.
$(BUILD)/tools/precompile: tools/precompile.c $(BUILD)/.flags
	@mkdir -p $(@D) && echo "  LINK    $@"
	$(Q)$(CC) -O2 $(WARN) -o $@ $< $(shell pkg-config --cflags --libs $(LUA))
$(BUILD)/%.lua.o: %.lua tools/embed.sh $(BUILD)/tools/precompile $(BUILD)/.flags
	@mkdir -p $(@D)
	@echo "  EMBED   $<"
	$(Q)sh tools/embed.sh $< $(if $(filter modules/expr/%,$*),,$(BUILD)/tools/precompile) > $(BUILD)/$*.lua.c
	$(Q)$(CC) $(ALL_CFLAGS) -c $(BUILD)/$*.lua.c -o $@

# What help knows is what the manual says.
$(BUILD)/repl/help_data.lua.o: tools/gen-help.sh tools/embed.sh $(wildcard docs/manual/*.md) $(BUILD)/.flags
	@mkdir -p $(@D)
	@echo "  HELP    docs/manual"
	$(Q)sh tools/gen-help.sh > $(BUILD)/repl/help_data.lua
	$(Q)cd $(BUILD) && sh '$(CURDIR)/tools/embed.sh' repl/help_data.lua > repl/help_data.lua.c
	$(Q)$(CC) $(ALL_CFLAGS) -c $(BUILD)/repl/help_data.lua.c -o $@

# The map's page, likewise.
$(BUILD)/modules/map/page/%.o: modules/map/page/% tools/embed.sh $(BUILD)/.flags
	@mkdir -p $(@D)
	@echo "  EMBED   $<"
	$(Q)sh tools/embed.sh $< > $(BUILD)/modules/map/page/$*.c
	$(Q)$(CC) $(ALL_CFLAGS) -c $(BUILD)/modules/map/page/$*.c -o $@

$(LIB): $(OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PROG): $(FACE_OBJ) $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@.new $^ $(LIBS) $(FACE_LIBS) && mv $@.new $@

# Shows only what runtime/tellua.h marks TELLUA_API. The same file is the module of `require "tellua"`,
# which Lua unloads at its end: nodelete, because GDAL's threads and ours may end later.
SONAME := libtellua.so.$(firstword $(subst ., ,$(VERSION)))
SHARED := $(BUILD)/libtellua.so.$(VERSION)
$(SHARED): $(OBJ)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME),-z,nodelete -o $@ $^ $(LIBS)
$(BUILD)/tellua.so: $(SHARED)
	@ln -sf $(<F) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $(BUILD)/libtellua.so
	@ln -sf $(SONAME) $@

# --- the gazetteer: once for all configurations, without it only place names are unknown ------
PLACES := build/places/places.sqlite
MKPLACES := $(BUILD)/tools/mkplaces
$(MKPLACES): $(BUILD)/tools/mkplaces.o $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)
build/places/.tried: | $(MKPLACES)
	@mkdir -p $(@D)
	$(Q)[ -f $(PLACES) ] || tools/places.sh $(MKPLACES) $(PLACES) || :
	@touch $@
places: $(MKPLACES) ## build the gazetteer anew (GAZETTEER=LIST: of that list, none: without)
	$(Q)tools/places.sh $(MKPLACES) $(PLACES)

# --- tests -----------------------------------------------------------------------------------
$(BUILD)/tests/c/%: $(BUILD)/tests/c/%.o $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

tests-c: $(TESTS_C) $(TESTS_JAIL)
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# The longest one first. It is skipped where there is no pool to be had: without root, or before `make deps-pool`.
POOL_TESTS := tests/py/cluster_test.py
TESTS ?= $(POOL_TESTS) $(TESTS_C) $(filter-out $(POOL_TESTS),$(wildcard tests/cli/*.t tests/py/*_test.py tests/lua/*_test.lua))
TEST_ENV = BUILD='$(BUILD)' CONFIG='$(CONFIG)' CC='$(CC)' TELLUA='$(abspath $(PROG))' TELLUA_WORKER='$(abspath $(WORKER))'
SUB = $(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

deps: ## install the Debian packages that building needs
	@tools/deps.sh build

deps-pool: ## as root: a Debian tree with HTCondor and Slurm for tests on real pools
	@tools/deps.sh pool
	@tests/pool/rootfs.sh
	@tests/pool/pool.sh build

demo: ## set up, build, and show a vegetation index of a Landsat scene
	@tools/deps.sh build
	+@$(SUB) --no-print-directory all
	@TELLUA='$(abspath $(PROG))' tools/demo.sh

check: ## set up, build, and run all tests; those on pools where `make deps-pool` was made
	@tools/deps.sh check
	+@$(SUB) --no-print-directory test

test: all tests-c ## run all tests, or those of TESTS='...' (V=1: each line)
	@$(TEST_ENV) prove $(if $(filter 1,$(V)),-v) -j$(JOBS) --exec 'sh tools/run-test.sh' $(TESTS)

check-pools: deps-pool ## as root: tests on real HTCondor and Slurm pools alone, some five minutes
	+@$(SUB) --no-print-directory test TESTS='$(POOL_TESTS)'

check-asan: ## all tests under AddressSanitizer and UBSan
	@tools/deps.sh check
	+@$(SUB) --no-print-directory CONFIG=asan test

check-tsan: ## all tests under ThreadSanitizer
	@tools/deps.sh check
	+@$(SUB) --no-print-directory CONFIG=tsan test

check-big: all ## slow tests with large pictures
	@$(TEST_ENV) prove -v --timer --exec 'sh tools/run-test.sh' $(wildcard tests/big/*.t)

# Everything under the sanitizers and the fuzzer's eyes; each target from its corpus, which is left as
# it is. Crashes lie in build/fuzz.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := fn prog plan
fuzz: $(BUILD)/tests/c/fn_random_test ## long runs: 100,000 random functions; libFuzzer on functions, programs, plans (FUZZ_SECONDS each)
	TELLUA_FUZZ_COUNT=100000 $(BUILD)/tests/c/fn_random_test
	+@$(SUB) --no-print-directory CC=clang CONFIG=asan BUILD=build/fuzz CFLAGS=-fsanitize=fuzzer-no-link $(FUZZ_TARGETS:%=build/fuzz/%_fuzz)
	@cd build/fuzz && for t in $(FUZZ_TARGETS); do mkdir -p $$t && (cd ../.. && build/fuzz/$${t}_fuzz -max_total_time=$(FUZZ_SECONDS) \
	    -artifact_prefix=build/fuzz/$$t- -print_final_stats=1 build/fuzz/$$t tests/fuzz/$${t}_corpus 2>&1 | tail -8) || exit 1; done
build/fuzz/%_fuzz: build/fuzz/tests/fuzz/%_fuzz.o build/fuzz/libtellua.a
	@echo "  LINK    $@"
	$(Q)clang -fsanitize=fuzzer,address,undefined $(LDFLAGS) -o $@ $^ $(LIBS)

check-layers: ## includes point down only (DESIGN, the layers)
	@prove -v tests/cli/layers.t

# What bench/functions.py loads: the same code as libtellua.a, with a face of its own.
$(BUILD)/bench/%.so: $(BUILD)/bench/%.o $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -shared -o $@ $^ $(LIBS)

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

bench: all $(BUILD)/bench/whole.so $(patsubst %.c,$(BUILD)/%,$(filter-out bench/whole.c,$(wildcard bench/*.c))) ## run bench/*.sh, one after the other
	@for f in $(wildcard bench/*.sh); do echo "== $$f"; $(TEST_ENV) sh $$f || exit 1; done

soak: all ## ten minutes of 64 map clients that come and go (SECONDS=600 CLIENTS=64), ten of jobs that are killed
	@$(TEST_ENV) /usr/bin/python3 bench/soak.py
	@$(TEST_ENV) /usr/bin/python3 bench/soak_jobs.py

ci: ## what .ci/run does: both compilers, sanitizers, linters
	@.ci/run

# --- form ------------------------------------------------------------------------------------
FILES = $(wildcard $(shell git ls-files -co --exclude-standard 2>/dev/null || find . -path ./build -prune -o -type f -printf '%P\n'))
C_FILES = $(filter %.c %.h,$(FILES))
LUA_FILES = $(filter-out tests/escapes/%,$(filter %.lua,$(FILES)))
SH_FILES = $(shell for f in $(FILES); do head -n 1 $$f | grep -qaE '^.!.*[ /](sh|bash)$$' && echo $$f; done)
# Formatters of different years disagree: .clang-format names the one that decides.
CLANG_FORMAT ?= $(firstword $(shell command -v clang-format-14 clang-format))
FORMATS = $(if $(CLANG_FORMAT),$(shell $(CLANG_FORMAT) --version | grep -o 'version 14\.'))

docs: ## write docs/ops.md anew from the tables of operations
	tools/gen-ops-doc.sh > docs/ops.md

format: ## clang-format (14) all C files
	$(if $(FORMATS),,$(error clang-format 14 is the one that decides, and is not here))
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)

format-check: ## name the C files that `make format` would change, and fail
	$(if $(FORMATS),,@echo "format-check: SKIPPED: there is no clang-format 14 here")
	$(if $(FORMATS),@bad=0; for f in $(C_FILES); do $(CLANG_FORMAT) $$f | cmp -s - $$f || { echo "  FORMAT  $$f"; bad=1; }; done; exit $$bad)

lint: ## luacheck, shellcheck; cppcheck where it is installed
	$(Q)$(if $(LUA_FILES),luacheck --no-color -q $(LUA_FILES),:)
	$(Q)shellcheck -e SC2317,SC2329 $(SH_FILES)
	$(Q)if command -v cppcheck >/dev/null; then \
	    cppcheck -q -j$(JOBS) --enable=warning,portability --inline-suppr --error-exitcode=1 \
	    --suppress=missingIncludeSystem --suppress=unknownMacro --suppress=identicalInnerCondition -I. $(filter-out tests/%,$(filter %.c,$(C_FILES))); fi

compile_commands.json: FORCE ## for editors and clang-tidy
	$(file >$@.flags,$(ALL_CFLAGS))
	@flags=$$(sed 's/["\\]/\\&/g' $@.flags); rm $@.flags; sep='['; for f in $(FACE_SRC) $(SRC) $(TEST_SRC); do \
	    printf '%s\n{"directory":"%s","file":"%s","command":"%s %s -c %s"}' "$$sep" "$$PWD" $$f '$(CC)' "$$flags" $$f; \
	    sep=,; done > $@; echo ']' >> $@

# --- installation ----------------------------------------------------------------------------
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share/tellua
DOCDIR ?= $(PREFIX)/share/doc/tellua
LUA_CMOD ?= $(PREFIX)/lib/lua/5.4
TO = $(DESTDIR)$(1)
HEADER := $(wildcard runtime/tellua.h)
SCRIPTS := $(wildcard scripts/*)
DOCS := $(wildcard README.md LICENSE NEWS.md docs/*.md)
DOC_DIRS := $(wildcard docs/manual docs/examples docs/img)

install: all ## install into PREFIX (/usr/local), below DESTDIR
	install -d "$(call TO,$(BINDIR))" "$(call TO,$(LIBDIR))/pkgconfig" "$(call TO,$(LUA_CMOD))" "$(call TO,$(DOCDIR))"
	install -m 755 $(PROG) "$(call TO,$(BINDIR))/tellua"
	$(if $(WORKER),install -D -m 755 $(WORKER) "$(call TO,$(LIBEXECDIR))/tellua/worker")
	install -m 644 $(LIB) "$(call TO,$(LIBDIR))/libtellua.a"
	install -m 755 $(SHARED) "$(call TO,$(LIBDIR))/libtellua.so.$(VERSION)"
	ln -sfn libtellua.so.$(VERSION) "$(call TO,$(LIBDIR))/$(SONAME)"
	ln -sfn $(SONAME) "$(call TO,$(LIBDIR))/libtellua.so"
	ln -srfn "$(call TO,$(LIBDIR))/$(SONAME)" "$(call TO,$(LUA_CMOD))/tellua.so"
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@LUA@|$(LUA)|; s|@PKGS@|$(filter-out $(LUA),$(PKGS))|' tools/tellua.pc.in > "$(call TO,$(LIBDIR))/pkgconfig/tellua.pc"
	$(if $(HEADER),install -D -m 644 $(HEADER) "$(call TO,$(INCLUDEDIR))/tellua.h")
	$(if $(SCRIPTS),install -d "$(call TO,$(DATADIR))/scripts" && cp -R $(SCRIPTS) "$(call TO,$(DATADIR))/scripts/")
	if [ -f $(PLACES) ]; then install -D -m 644 $(PLACES) "$(call TO,$(DATADIR))/places.sqlite"; fi
	$(if $(DOCS),install -m 644 $(DOCS) "$(call TO,$(DOCDIR))/")
	$(if $(DOC_DIRS),cp -R $(DOC_DIRS) "$(call TO,$(DOCDIR))/")

uninstall: ## remove what install put there
	rm -f "$(call TO,$(BINDIR))/tellua" "$(call TO,$(INCLUDEDIR))/tellua.h" "$(call TO,$(LUA_CMOD))/tellua.so"
	rm -f "$(call TO,$(LIBDIR))/libtellua.a" "$(call TO,$(LIBDIR))/libtellua.so" "$(call TO,$(LIBDIR))/$(SONAME)"
	rm -f "$(call TO,$(LIBDIR))/libtellua.so.$(VERSION)" "$(call TO,$(LIBDIR))/pkgconfig/tellua.pc"
	rm -rf "$(call TO,$(DATADIR))" "$(call TO,$(DOCDIR))" "$(call TO,$(LIBEXECDIR))/tellua"

# --- the rest --------------------------------------------------------------------------------
clean: ## remove this configuration's build folder
	rm -rf $(BUILD)

distclean: clean ## remove all that was built or fetched
	rm -rf build compile_commands.json

help: ## this list
	@echo "make TARGET [CONFIG=release|debug|asan|tsan|cov] [V=1] [WERROR=1] [CC=...] [CFLAGS=...]"
	@grep -hE '^[a-z_.-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | expand -t 24

.PHONY: soak all places fuzz tests-c deps deps-pool demo check test check-asan check-tsan check-pools check-big check-layers bench ci docs format format-check lint \
        install uninstall clean distclean help FORCE
