# SPDX-License-Identifier: MIT
# Faultline. `make help` lists the targets.

MODE ?= release
BUILD ?= build
OUT := $(BUILD)/$(MODE)
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wimplicit-fallthrough 
ifneq ($(findstring clang,$(CC)),)
WARN += -Wno-initializer-overrides
else
WARN += -Wno-override-init
endif
WERROR ?= 1
ifeq ($(WERROR),1)
WARN += -Werror
endif

# Sibling calls: gcc and clang turn `return f(...)` into a jump at -O2, which the release build relies on (tests/lint/sibling.sh checks it).
CFLAGS_release := -O2 -DFAULTLINE_SIBLING_CALLS -fno-tree-slp-vectorize
ifeq ($(findstring clang,$(CC)),)
CFLAGS_release += -fno-partial-inlining
endif
CFLAGS_debug := -Og -g
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_coverage := -O0 -g --coverage -DFAULTLINE_COVERAGE
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_asan := -fsanitize=address,undefined
LDFLAGS_coverage := --coverage
LDFLAGS_fuzz := -fsanitize=address,undefined
ifeq ($(filter $(MODE),release debug asan coverage fuzz),)
$(error MODE is release, debug, asan, coverage or fuzz, not '$(MODE)')
endif

CAPSTONE_CFLAGS = $(shell pkg-config --cflags capstone 2>/dev/null)
CAPSTONE_LIBS = $(shell pkg-config --libs capstone 2>/dev/null || echo -lcapstone)
EDIT_LIBS = -ledit
# MPFR computes the x87's transcendental instructions.
MATH_LIBS = -lmpfr -lgmp -lm
# Names and lines of guest programs.
SYMBOL_LIBS = -ldw -lelf
FRONT_LIBS = $(CAPSTONE_LIBS) $(EDIT_LIBS) $(SYMBOL_LIBS) -lpng -lz $(STATE_LIBS) $(MATH_LIBS)
# Saved states are compressed.
STATE_LIBS = -lzstd
CHECK_LIBS = $(shell pkg-config --libs check 2>/dev/null || echo -lcheck)

FLOAT ?= host
ifeq ($(filter $(FLOAT),host portable),)
$(error FLOAT is host or portable, not '$(FLOAT)')
endif
FLOAT_portable := -DFAULTLINE_PORTABLE_FLOAT

ALL_CFLAGS = -std=gnu11 -g $(CFLAGS_$(MODE)) -fno-strict-overflow $(WARN) $(FLOAT_$(FLOAT)) -I. -MMD -MP $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(MODE)) $(LDFLAGS)

LIB_SRC := $(wildcard mmu/*.c cpu/*.c devices/*.c bios/*.c)
FRONT_SRC := $(wildcard frontend/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o)
# The report's page, as it is in frontend/report/.
FRONT_OBJ := $(FRONT_SRC:%.c=$(OUT)/%.o) $(OUT)/frontend/report_files.o
LIB := $(OUT)/libfaultline.a

.PHONY: all
all: $(BUILD)/faultline ## build the command, build/faultline

# Always: the link must follow MODE, whichever was built last.
.PHONY: $(BUILD)/faultline
$(BUILD)/faultline: $(OUT)/faultline
	@ln -sf $(MODE)/faultline $@

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(ALL_CFLAGS) -c $< -o $@

$(OUT)/frontend/report_files.o: frontend/report/files.S $(wildcard frontend/report/*.html frontend/report/*.css frontend/report/*.js)
	@mkdir -p $(@D)
	@$(CC) -c $< -o $@

$(OUT)/frontend/disasm.o: ALL_CFLAGS += $(CAPSTONE_CFLAGS)
# Headers alone: the library is loaded when a window opens.
$(OUT)/frontend/window.o: ALL_CFLAGS += $(shell pkg-config --cflags sdl2 2>/dev/null || echo -I/usr/include/SDL2)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	@ar rcs $@ $^

# The embedded guest is built for a bare machine: none of the host program's flags, and always with the release layout.
include bios/demo/demo.mk

$(OUT)/faultline: $(FRONT_OBJ) $(BUILD)/demo.o $(LIB)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(FRONT_LIBS)

# Tests: every tests/*/test_*.c (and the walk's oracle) is a program of its own; the other files of its folder and tests/support are linked in.
TEST_MAIN := $(wildcard tests/*/test_*.c) tests/unit/walk_oracle.c
# Runs a file of hardware vectors (build/tests/vectors FILE); `make check` runs it on tests/vectors.
VECTORS := $(wildcard tests/isa/vectors.c)
TEST_PROGRAMS := $(TEST_MAIN:%.c=$(OUT)/%) $(VECTORS:%.c=$(OUT)/%)
TEST_SHARED := $(filter-out $(TEST_MAIN) $(VECTORS),$(wildcard tests/unit/*.c tests/isa/*.c tests/atomic/*.c))
SUPPORT_OBJ := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/support/*.c))
TEST_LIBS = $(CHECK_LIBS) -lZydis $(FRONT_LIBS)
# What of the frontend can be tested without its main().
FRONT_LIB_OBJ := $(filter-out $(OUT)/frontend/main.o,$(FRONT_OBJ))

.SECONDEXPANSION:
shared_of = $(patsubst %.c,$(OUT)/%.o,$(filter $(dir $(1))%,$(TEST_SHARED)))
$(TEST_PROGRAMS): $(OUT)/%: $(OUT)/%.o $$(call shared_of,$$*.c) $(SUPPORT_OBJ) $(FRONT_LIB_OBJ) $(BUILD)/demo.o $(LIB)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) $^ -o $@ $(TEST_LIBS)

.PHONY: tests
tests: $(TEST_PROGRAMS) $(OUT)/faultline
	@mkdir -p $(BUILD)/tests && ln -sf ../$(MODE)/tests/isa/vectors $(BUILD)/tests/vectors

include tests/fuzz/fuzz.mk

BUILD_PACKAGES := gcc make pkg-config libc6-dev libcapstone-dev libedit-dev zlib1g-dev libmpfr-dev libpng-dev libsdl2-dev libelf-dev libdw-dev libzstd-dev
TEST_PACKAGES := $(BUILD_PACKAGES) check libzydis-dev clang binutils xvfb xauth xdotool seabios gdb cwm libx11-dev sqlite3
# For check-guests: programs for the guests, in 32 and 64 bits (gcc-multilib would drive out cross compilers), and their file systems.
GUEST_PACKAGES := gcc-12-multilib libc6-dev-i386 cpio seabios grub-common grub-pc-bin xorriso mtools isolinux syslinux-common e2fsprogs git netpbm

.PHONY: install-build-packages install-test-packages
install-build-packages:
	@tests/support/deps.sh $(BUILD_PACKAGES)
install-test-packages:
	@tests/support/deps.sh $(TEST_PACKAGES)

# A build within a recipe: on all processors, unless the caller has said how many.
SUBMAKE = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: run
run: install-build-packages ## install what is missing, build, boot the embedded guest and explain its faults
	@+$(SUBMAKE) all
	@$(BUILD)/faultline demo --explain --stats

# What runs under the sanitizers too: all but the long enumeration and what runs code natively.
ASAN_TESTS = $(filter-out %/walk_oracle %/test_native %/test_sequences %/test_decode %/test_sse %/test_x87,$(TEST_MAIN:%.c=$(BUILD)/asan/%))
# What compares arithmetic with the host's, over again with the backend that uses none of the host's (cpu/arithmetic.h).
PORTABLE_TESTS = $(patsubst %,$(BUILD)/portable/release/tests/%,unit/test_x87 unit/test_sse isa/test_native isa/test_sequences)
LINTS := tests/lint/layers.sh tests/lint/size.sh

.PHONY: check
check: install-test-packages ## install what tests need, build with gcc and clang, run every test
	@+$(SUBMAKE) MODE=release all tests
	@+$(SUBMAKE) MODE=asan tests replay-programs
	@+$(SUBMAKE) check-clang
	@+$(SUBMAKE) FLOAT=portable BUILD=$(BUILD)/portable $(PORTABLE_TESTS) $(BUILD)/portable/faultline
	@tests/run.sh $(LINTS) "tests/lint/sibling.sh $(BUILD)/release" "tests/mutation/mutate.pl check ." $(TEST_MAIN:%.c=$(BUILD)/release/%) $(ASAN_TESTS) $(PORTABLE_TESTS) $(FUZZ_REPLAYS) \
	    "tests/conformance/run.sh $(BUILD)/release/faultline $(BUILD)/conformance" \
	    "tests/planted/run.sh $(BUILD)/asan/faultline $(BUILD)/planted" \
	    "$(BUILD)/release/tests/isa/vectors tests/vectors/sst286.bin.gz" \
	    $(foreach s,$(wildcard tests/cli/*.sh),"$(s) $(BUILD)/asan/faultline") $(foreach s,$(wildcard tests/guests/*.sh),"$(s) $(BUILD)/release/faultline")

# A build with the other compiler, for its warnings, and its one test: does it do the same?
.PHONY: check-clang
check-clang:
	@+$(SUBMAKE) CC=clang BUILD=$(BUILD)/clang all

.PHONY: check-guests
check-guests: ## download and boot Debian's kernels, loaders, installers and memtest86+ (about 350 MB, some twenty minutes)
	@tests/support/deps.sh $(TEST_PACKAGES) $(GUEST_PACKAGES)
	@+$(SUBMAKE) MODE=release all
	@TEST_JOBS=1 tests/run.sh $(foreach s,boot userland installer disk faults modules state screens memtest gdb,"tests/kernels/$(s).sh $(BUILD)/release/faultline $(BUILD)/kernels")

.PHONY: suites
suites: ## public conformance suites (kvm-unit-tests, test386.asm), cloned and built below SUITES (build/suites)
	@tests/support/deps.sh $(BUILD_PACKAGES) gcc-12-multilib git nasm
	@+$(SUBMAKE) MODE=release all
	@tests/conformance/suites.sh $(BUILD)/release/faultline $(or $(SUITES),$(BUILD)/suites)

.PHONY: conformance
conformance: ## the conformance ROMs on Faultline, QEMU and Bochs, as a table
	@tests/support/deps.sh $(BUILD_PACKAGES) binutils qemu-system-x86 bochs bochs-term
	@+$(SUBMAKE) MODE=release all
	@tests/conformance/peers.sh $(BUILD)/release/faultline $(BUILD)/conformance

.PHONY: bench
bench: ## host time beside QEMU and Bochs, and host instructions per guest instruction
	@tests/support/deps.sh $(BUILD_PACKAGES) qemu-system-x86 bochs bochs-term valgrind
	@+$(SUBMAKE) MODE=release all
	@tests/bench/run.sh $(BUILD)/release/faultline $(BUILD)/bench

.PHONY: bench-boot
bench-boot: ## host time of booting Debian's kernels beside QEMU (after make check-guests)
	@+$(SUBMAKE) MODE=release all
	@tests/bench/boot.sh $(BUILD)/release/faultline $(BUILD)/bench $(BUILD)/kernels

.PHONY: bench-idle
bench-idle: ## what a sleeping guest and a busy screen cost the host, against their bounds (with Linux after make check-guests; minutes)
	@tests/support/deps.sh $(TEST_PACKAGES)
	@+$(SUBMAKE) MODE=release all
	@tests/bench/idle.sh $(BUILD)/release/faultline $(BUILD)/bench $(wildcard $(BUILD)/kernels)

.PHONY: pictures
pictures: ## make docs/*.png again (after make check-guests)
	@tests/support/deps.sh $(TEST_PACKAGES)
	@+$(SUBMAKE) MODE=release all
	@tests/support/pictures.sh $(BUILD)/release/faultline $(BUILD)/kernels docs

.PHONY: mutants
mutants: install-test-packages ## put the bugs of FAULTS into the sources one at a time: does a test notice? (minutes)
	@tests/mutation/run.sh $(BUILD)/mutants $(NUMBERS)

.PHONY: lint
lint: ## layering and size rules
	@for l in $(LINTS); do echo "$$l"; $$l || exit 1; done

.PHONY: format
format: ## clang-format over the sources
	@tests/support/deps.sh clang-format
	@clang-format -i $$(git ls-files '*.c' '*.h')

# The long enumeration is thinned: at -O0 it would take an hour.
.PHONY: coverage
coverage: install-test-packages ## rows of the list and branches of mmu/ that the tests leave out, and lines covered
	@+$(SUBMAKE) MODE=coverage tests replay-programs
	@find $(BUILD)/coverage -name '*.gcda' -delete; rm -f $(BUILD)/coverage/rows
	@FAULTLINE_COVERAGE_ROWS=$(abspath $(BUILD))/coverage/rows WALK_ORACLE_THIN=97 TEST_NATIVE_COUNT=100 tests/run.sh \
	    $(TEST_MAIN:%.c=$(BUILD)/coverage/%) $(foreach n,$(FUZZ_ALL),"$(BUILD)/coverage/tests/fuzz/replay_$(n) tests/fuzz/corpus/$(n)")
	@tests/coverage/report.sh $(BUILD)/coverage

.PHONY: man
man: $(BUILD)/faultline.1 ## the manual page, from the lists that --help shows
$(BUILD)/faultline.1: frontend/man.awk frontend/options.def frontend/bindings.def frontend/monitor.def
	@mkdir -p $(@D)
	@awk -f $^ >$@

# The library for other programs: one relocatable object in which only faultline_* is to be seen, as an archive and as a
# shared library. Its objects are position-independent, and so not the command's. ABI changes when a program built
# before would not run.
ABI := 1
VERSION := 0.1.0
SONAME := libfaultline.so.$(ABI)
EMBED := $(BUILD)/embed
EMBED_OBJ := $(LIB_SRC:%.c=$(EMBED)/%.o) $(filter-out $(EMBED)/frontend/main.o,$(FRONT_SRC:%.c=$(EMBED)/%.o))
EMBED_LIBS = $(CAPSTONE_LIBS) $(SYMBOL_LIBS) -lpng -lz $(STATE_LIBS) $(MATH_LIBS)

$(EMBED)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $< (library)"
	@$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden $(CAPSTONE_CFLAGS) -I/usr/include/SDL2 -c $< -o $@

# What library.c reaches is in it, and no more: screens, consoles and subcommands are not.
$(EMBED)/libfaultline.a: $(EMBED_OBJ)
	@rm -f $@ $(EMBED)/all.a
	@ar rcs $(EMBED)/all.a $^
	@ld -r -o $(EMBED)/faultline.o $(EMBED)/frontend/library.o $(EMBED)/all.a
	@objcopy --wildcard --keep-global-symbol='faultline_*' $(EMBED)/faultline.o
	@ar rcs $@ $(EMBED)/faultline.o

$(EMBED)/$(SONAME): $(EMBED)/libfaultline.a
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs -o $@ $(EMBED)/faultline.o $(EMBED_LIBS)
	@ln -sf $(SONAME) $(EMBED)/libfaultline.so

.PHONY: library
library: $(EMBED)/$(SONAME) ## libfaultline for other programs, in build/embed

.PHONY: completion
completion: $(BUILD)/faultline.bash
$(BUILD)/faultline.bash: frontend/completion.awk frontend/options.def
	@mkdir -p $(@D)
	@awk -f $^ >$@

PREFIX ?= /usr/local
.PHONY: install
install: all man library completion ## install command, manual page, library, completion under PREFIX (/usr/local), in DESTDIR
	install -D -m 644 $(BUILD)/faultline.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/faultline
	install -D -m 644 frontend/faultline.h $(DESTDIR)$(PREFIX)/include/faultline.h
	install -D -m 644 $(EMBED)/libfaultline.a $(DESTDIR)$(PREFIX)/lib/libfaultline.a
	install -D -m 755 $(EMBED)/$(SONAME) $(DESTDIR)$(PREFIX)/lib/$(SONAME).$(VERSION)
	ln -sf $(SONAME).$(VERSION) $(DESTDIR)$(PREFIX)/lib/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libfaultline.so
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(EMBED_LIBS)|' frontend/faultline.pc.in \
	    >$(DESTDIR)$(PREFIX)/lib/pkgconfig/faultline.pc
	install -D -m 755 $(OUT)/faultline $(DESTDIR)$(PREFIX)/bin/faultline
	install -D -m 644 $(BUILD)/faultline.1 $(DESTDIR)$(PREFIX)/share/man/man1/faultline.1

.PHONY: clean
clean: ## remove the build directory
	rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^[^:]*Makefile://; s/:.*## /\t/' | expand -t 16

-include $(EMBED_OBJ:.o=.d) $(LIB_OBJ:.o=.d) $(FRONT_SRC:%.c=$(OUT)/%.d) $(TEST_MAIN:%.c=$(OUT)/%.d) $(VECTORS:%.c=$(OUT)/%.d) $(TEST_SHARED:%.c=$(OUT)/%.d) $(SUPPORT_OBJ:.o=.d)
