# The jailed worker: Lua and the compiler of functions, no GDAL; hardened, never sanitized: its own
# memory is limited and its system calls are few. Included by the Makefile. SPDX-License-Identifier: MIT
WORKER := $(BUILD)/libexec/tellua/worker
WORKER_SRC := $(wildcard worker/*.c modules/expr/*.c) modules/batch/plan_call.c modules/batch/frozen_json.c \
              $(patsubst %,modules/image/%.c,call interpret_lua thaw_lua theil_sen_lua node source foreign foreign_write) \
              $(patsubst %,runtime/%.c,err mem buf dtype log border host sandbox sandbox_tenant budget vmfault chunk)
WORKER_OBJ = $(patsubst %.c,$(BUILD)/worker.o/%.o,$(filter-out %/kernels.c %/run.c,$(WORKER_SRC))) \
             $(BUILD)/worker.o/modules/expr/fn_prelude.lua.o
WORKER_PKGS = $(LUA) jansson libseccomp
WORKER_CFLAGS = -std=gnu11 -O2 -g $(FLOAT) $(WARN) -I. -I$(BUILD) -fPIE -fvisibility=hidden -ffunction-sections \
                -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 \
                $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(WORKER_PKGS)))
WORKER_LDFLAGS = -pie -Wl,--gc-sections,-z,relro,-z,now,--as-needed
$(BUILD)/worker.o/%.o: %.c $(BUILD)/.flags | $(BUILD)/build_version.h
	@mkdir -p $(@D)
	@echo "  CC      $< (worker)"
	$(Q)$(CC) $(WORKER_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/worker.o/%.lua.o: $(BUILD)/%.lua.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(WORKER_CFLAGS) -c $(BUILD)/$*.lua.c -o $@
$(WORKER): $(WORKER_OBJ)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(WORKER_CFLAGS) $(WORKER_LDFLAGS) -o $@.new $^ $(shell pkg-config --libs $(WORKER_PKGS)) -lm && mv $@.new $@

# The worker's wall with native code behind it, and a worker whose Lua is broken on purpose.
TESTS_JAIL := $(BUILD)/tests/jail/wall $(BUILD)/tests/jail/faulty
$(BUILD)/tests/jail/wall: $(BUILD)/worker.o/tests/jail/wall.o $(BUILD)/worker.o/worker/steps.o
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(WORKER_CFLAGS) $(WORKER_LDFLAGS) -o $@ $^ $(shell pkg-config --libs libseccomp)
$(BUILD)/tests/jail/faulty: $(BUILD)/worker.o/tests/jail/faulty.o $(WORKER_OBJ)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(WORKER_CFLAGS) $(WORKER_LDFLAGS) -Wl,--wrap=tl__make_environment,--wrap=tl__vm_expect_stack \
	    -o $@ $^ $(shell pkg-config --libs $(WORKER_PKGS)) -lm
