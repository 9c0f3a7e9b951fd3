# SPDX-License-Identifier: MIT
# The fuzz targets: with libFuzzer (MODE=fuzz CC=clang), and as replayers of the corpora (any mode).
FUZZ_NAMES := walk text loaders devices execute native monitor gdb trace state
# One program for every device alone: its name says which (device_rows.c).
FUZZ_DEVICES := uart pic pit rtc ps2 hpet pm fwcfg lpt testdev ports vga ide atapi fdc dma lapic ioapic pci
FUZZ_ALL := $(FUZZ_NAMES) $(FUZZ_DEVICES)
FUZZ_COMMON := $(OUT)/tests/fuzz/report.o
DEVICE_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/fuzz/device_*.c))
fuzz_extra = $(if $(filter native,$(1)),$(OUT)/tests/isa/cases.o $(OUT)/tests/isa/native.o $(OUT)/tests/isa/pair.o) $(if $(filter device,$(1)),$(DEVICE_OBJ))
FUZZ_PROGRAMS := $(patsubst %,$(OUT)/tests/fuzz/fuzz_%,$(FUZZ_NAMES) device)
REPLAY_PROGRAMS := $(patsubst %,$(OUT)/tests/fuzz/replay_%,$(FUZZ_NAMES) device)
FUZZ_LINKS := $(FUZZ_DEVICES:%=$(OUT)/tests/fuzz/fuzz_%)
REPLAY_LINKS := $(FUZZ_DEVICES:%=$(OUT)/tests/fuzz/replay_%)

$(FUZZ_PROGRAMS): $(OUT)/tests/fuzz/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(FUZZ_COMMON) $$(call fuzz_extra,$$*) $(SUPPORT_OBJ) $(FRONT_LIB_OBJ) $(BUILD)/demo.o $(LIB)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer $^ -o $@ $(FRONT_LIBS)

$(REPLAY_PROGRAMS): $(OUT)/tests/fuzz/replay_%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/tests/fuzz/driver.o $(FUZZ_COMMON) $$(call fuzz_extra,$$*) $(SUPPORT_OBJ) $(FRONT_LIB_OBJ) $(BUILD)/demo.o $(LIB)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(FRONT_LIBS)

$(FUZZ_LINKS): $(OUT)/tests/fuzz/fuzz_device
	@ln -sf fuzz_device $@
$(REPLAY_LINKS): $(OUT)/tests/fuzz/replay_device
	@ln -sf replay_device $@

.PHONY: fuzz-programs replay-programs
fuzz-programs: $(FUZZ_PROGRAMS) $(FUZZ_LINKS)
replay-programs: $(REPLAY_PROGRAMS) $(REPLAY_LINKS)

TIME ?= 600
.PHONY: fuzz
fuzz: install-test-packages ## fuzz every target (NAMES=..: these) for TIME=600 seconds, two at a time; new inputs go to build/fuzz/corpus
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang fuzz-programs
	@tests/fuzz/run.sh $(BUILD)/fuzz $(TIME) $(or $(NAMES),$(FUZZ_ALL))

.PHONY: fuzz-devices
fuzz-devices: ## fuzz each device alone, TIME=600 seconds
	@$(MAKE) --no-print-directory fuzz NAMES="$(FUZZ_DEVICES)"

# The same targets under AFL++, whose compiler brings a driver of its own for -fsanitize=fuzzer (many inputs a process). Its warnings are no concern of ours.
.PHONY: fuzz-afl
fuzz-afl: install-test-packages ## the same with AFL++ (Debian's afl++); queues and findings go to build/afl/asan/findings
	@tests/support/deps.sh afl++
	@AFL_QUIET=1 $(MAKE) --no-print-directory MODE=asan CC=afl-clang-fast BUILD=$(BUILD)/afl WERROR=0 fuzz-programs
	@tests/fuzz/afl.sh $(BUILD)/afl/asan $(TIME) $(or $(NAMES),$(FUZZ_ALL))

.PHONY: fuzz-replay
fuzz-replay: install-test-packages ## replay the fuzz corpora under the sanitizers
	@$(MAKE) --no-print-directory MODE=asan replay-programs
	@tests/run.sh $(FUZZ_REPLAYS)
FUZZ_REPLAYS = $(foreach n,$(FUZZ_ALL),"$(BUILD)/asan/tests/fuzz/replay_$(n) tests/fuzz/corpus/$(n)")

-include $(FUZZ_NAMES:%=$(OUT)/tests/fuzz/fuzz_%.d) $(OUT)/tests/fuzz/fuzz_device.d $(DEVICE_OBJ:.o=.d) $(OUT)/tests/fuzz/driver.d $(OUT)/tests/fuzz/report.d
