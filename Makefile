# Tellua. `make help` lists the targets; docs/design.md says where things live.
# SPDX-License-Identifier: MIT

CONFIG ?= release
ifeq ($(filter $(CONFIG),release debug asan tsan cov),)
$(error unknown CONFIG=$(CONFIG): release debug asan tsan cov)
endif
BUILD ?= build/$(CONFIG)
PREFIX ?= /usr/local
DESTDIR ?=
LUA ?= lua5.4
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

# --- what we stand on (README says why each) -------------------------------------------------
PKGS := gdal proj jansson libpng chafa libdeflate nettle $(LUA)
GOALS_WITHOUT_DEPS := deps help clean distclean format demo check check-asan check-tsan ci
NEED_PKGS := $(if $(MAKECMDGOALS),$(filter-out $(GOALS_WITHOUT_DEPS),$(MAKECMDGOALS)),all)
ifneq ($(NEED_PKGS),)
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS)))
PKG_LIBS := $(shell pkg-config --libs $(PKGS))
endif

OPT_release := -O2 -g
OPT_debug := -O0 -g3 -DTL_DEBUG
OPT_asan := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DTL_DEBUG
OPT_tsan := -O1 -g -fno-omit-frame-pointer -fsanitize=thread -DTL_DEBUG
OPT_cov := -O0 -g --coverage
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wformat=2 \
        -Wno-format-nonliteral -Wno-format-truncation $(if $(filter 1,$(WERROR)),-Werror)
# One result everywhere: no contraction, no fast-math; errno and traps are not looked at.
FLOAT := -ffp-contract=off -fno-math-errno -fno-trapping-math
OUR_CFLAGS := -std=gnu11 -fPIC -fvisibility=hidden $(OPT_$(CONFIG)) $(FLOAT) $(WARN) -I. -I$(BUILD) $(PKG_CFLAGS)
ALL_CFLAGS = $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LIBS = $(PKG_LIBS) -lm -lpthread

# --- sources ---------------------------------------------------------------------------------
MAIN := runtime/main.c
SRC := $(filter-out $(MAIN),$(wildcard runtime/*.c modules/*/*.c repl/*.c))
LUA_SRC := $(wildcard runtime/*.lua modules/*/*.lua repl/*.lua)
OBJ := $(SRC:%.c=$(BUILD)/%.o) $(LUA_SRC:%.lua=$(BUILD)/%.lua.o)
LIB := $(BUILD)/libtellua.a
PROG := $(BUILD)/tellua
TEST_SRC := $(wildcard tests/c/*_test.c)
TESTS_C := $(TEST_SRC:%.c=$(BUILD)/%)

# --- flags and version, rewritten only when they change ----------------------------------------
$(shell mkdir -p $(BUILD))
FLAGS_NOW = $(CC) $(ALL_CFLAGS) $(LDFLAGS)
$(BUILD)/.flags: FORCE
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@
VERSION_NOW := $(shell cat VERSION)$(shell git describe --always --dirty --exclude='*' 2>/dev/null | sed 's/^/+/')
$(BUILD)/version.h: FORCE
	@echo '#define TL_VERSION "$(VERSION_NOW)"' | cmp -s - $@ || echo '#define TL_VERSION "$(VERSION_NOW)"' > $@
FORCE:

all: $(PROG) ## build the tellua program

$(BUILD)/%.o: %.c $(BUILD)/.flags | $(BUILD)/version.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS_$(basename $(notdir $<))) -MMD -MP -c $< -o $@

# The vector kernels once per instruction set; expr/run.c picks one at start.
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
KERNEL_ISAS := avx2 avx512
endif
CFLAGS_kernels = -O3 $(foreach i,$(KERNEL_ISAS),-DTL_HAVE_$(i))
CFLAGS_run = $(foreach i,$(KERNEL_ISAS),-DTL_HAVE_$(i))
ISA_avx2 := -mavx2
ISA_avx512 := -mavx512f -mavx512bw -mavx512dq -mavx512vl
OBJ += $(KERNEL_ISAS:%=$(BUILD)/modules/expr/kernels_%.o)
$(BUILD)/modules/expr/kernels_%.o: modules/expr/kernels.c $(BUILD)/.flags
	@mkdir -p $(@D)
	@echo "  CC      $< ($*)"
	$(Q)$(CC) $(ALL_CFLAGS) -O3 $(ISA_$*) -DTL_KERNEL_ISA=$* -MMD -MP -c $< -o $@

# The half that is easier in Lua, compiled in as text.
$(BUILD)/%.lua.o: %.lua tools/embed.sh $(BUILD)/.flags
	@mkdir -p $(@D)
	@echo "  EMBED   $<"
	$(Q)sh tools/embed.sh $< > $(BUILD)/$*.lua.c
	$(Q)$(CC) $(ALL_CFLAGS) -c $(BUILD)/$*.lua.c -o $@

$(LIB): $(OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PROG): $(BUILD)/runtime/main.o $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# --- tests -----------------------------------------------------------------------------------
$(BUILD)/tests/c/%: $(BUILD)/tests/c/%.o $(LIB)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

tests-c: $(TESTS_C)
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | expand -t 16

.PHONY: all tests-c help FORCE
