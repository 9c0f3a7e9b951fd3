# SPDX-License-Identifier: MIT
# The fuzz targets: with libFuzzer (MODE=fuzz CC=clang), and as replayers of the corpora (any mode).
FUZZ_NAMES := walk text loaders devices execute native monitor gdb trace
FUZZ_COMMON := $(OUT)/tests/fuzz/report.o
fuzz_extra = $(if $(filter native,$(1)),$(OUT)/tests/isa/cases.o $(OUT)/tests/isa/native.o $(OUT)/tests/isa/pair.o)
FUZZ_PROGRAMS := $(FUZZ_NAMES:%=$(OUT)/tests/fuzz/fuzz_%)
REPLAY_PROGRAMS := $(FUZZ_NAMES:%=$(OUT)/tests/fuzz/replay_%)

$(FUZZ_PROGRAMS): $(OUT)/tests/fuzz/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(FUZZ_COMMON) $$(call fuzz_extra,$$*) $(SUPPORT_OBJ) $(FRONT_LIB_OBJ) $(BUILD)/demo.o $(LIB)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer $^ -o $@ $(FRONT_LIBS)

$(REPLAY_PROGRAMS): $(OUT)/tests/fuzz/replay_%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/tests/fuzz/driver.o $(FUZZ_COMMON) $$(call fuzz_extra,$$*) $(SUPPORT_OBJ) $(FRONT_LIB_OBJ) $(BUILD)/demo.o $(LIB)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(FRONT_LIBS)

.PHONY: fuzz-programs replay-programs
fuzz-programs: $(FUZZ_PROGRAMS)
replay-programs: $(REPLAY_PROGRAMS)

TIME ?= 600
.PHONY: fuzz
fuzz: install-test-packages ## fuzz every target for TIME=600 seconds, two at a time; new inputs go to build/fuzz/corpus
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang fuzz-programs
	@tests/fuzz/run.sh $(BUILD)/fuzz $(TIME) $(FUZZ_NAMES)

# The same targets under AFL++, whose compiler brings a driver of its own for -fsanitize=fuzzer (many inputs a process). Its warnings are no concern of ours.
.PHONY: fuzz-afl
fuzz-afl: install-test-packages ## the same with AFL++ (Debian's afl++); queues and findings go to build/afl/asan/findings
	@tests/support/deps.sh afl++
	@AFL_QUIET=1 $(MAKE) --no-print-directory MODE=asan CC=afl-clang-fast BUILD=$(BUILD)/afl WERROR=0 fuzz-programs
	@tests/fuzz/afl.sh $(BUILD)/afl/asan $(TIME) $(FUZZ_NAMES)

.PHONY: fuzz-replay
fuzz-replay: install-test-packages ## replay the fuzz corpora under the sanitizers
	@$(MAKE) --no-print-directory MODE=asan replay-programs
	@tests/run.sh $(FUZZ_REPLAYS)
FUZZ_REPLAYS = $(foreach n,$(FUZZ_NAMES),"$(BUILD)/asan/tests/fuzz/replay_$(n) tests/fuzz/corpus/$(n)")

-include $(FUZZ_NAMES:%=$(OUT)/tests/fuzz/fuzz_%.d) $(OUT)/tests/fuzz/driver.d $(OUT)/tests/fuzz/report.d
