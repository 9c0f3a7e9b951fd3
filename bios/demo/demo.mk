# SPDX-License-Identifier: MIT
# The demo guest: $(BUILD)/demo.elf, a Multiboot 1 kernel, and $(BUILD)/demo.o, which holds it as demo_image and
# demo_image_size (bios/demo/demo_image.h). Built for a bare machine, so none of the host program's flags apply.

# Whatever builds the host program, which may be a cross compiler or instrument its code.
DEMO_CC ?= gcc
DEMO_DIR := $(BUILD)/demo
DEMO_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -m64 -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-fcf-protection=none -fno-asynchronous-unwind-tables -mgeneral-regs-only -MMD -MP
DEMO_LDFLAGS := -m64 -nostdlib -static -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack
DEMO_C := console disk fault memory process scenes text traps
DEMO_S := entry trap
DEMO_USER := user text

DEMO_OBJECTS := $(DEMO_C:%=$(DEMO_DIR)/%.o) $(DEMO_S:%=$(DEMO_DIR)/%.o) $(DEMO_DIR)/program.o
DEMO_USER_OBJECTS := $(DEMO_USER:%=$(DEMO_DIR)/user/%.o)

$(DEMO_DIR)/user/%.o: bios/demo/%.c bios/demo/demo.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(DEMO_CC) $(DEMO_CFLAGS) -c -o $@ $<

$(DEMO_DIR)/program.bin: $(DEMO_USER_OBJECTS) bios/demo/user.ld
	@echo "  LINK    $@"
	@$(DEMO_CC) $(DEMO_LDFLAGS) -Wl,--oformat=binary -T bios/demo/user.ld -o $@ $(DEMO_USER_OBJECTS)

$(DEMO_DIR)/program.o: bios/demo/program.S $(DEMO_DIR)/program.bin
	@$(DEMO_CC) -m64 -Wa,-I,$(DEMO_DIR) -c -o $@ $<

$(DEMO_DIR)/%.o: bios/demo/%.c bios/demo/demo.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(DEMO_CC) $(DEMO_CFLAGS) -mcmodel=kernel -mno-red-zone -c -o $@ $<

$(DEMO_DIR)/%.o: bios/demo/%.S bios/demo/demo.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(DEMO_CC) -m64 -c -o $@ $<

$(BUILD)/demo.elf: $(DEMO_OBJECTS) bios/demo/demo.ld
	@echo "  LINK    $@"
	@$(DEMO_CC) $(DEMO_LDFLAGS) -Wl,--no-warn-rwx-segments -T bios/demo/demo.ld -o $@ $(DEMO_OBJECTS)

$(BUILD)/demo.o: bios/demo/image.S $(BUILD)/demo.elf
	@$(DEMO_CC) -m64 -Wa,-I,$(BUILD) -c -o $@ $<

-include $(wildcard $(DEMO_DIR)/*.d $(DEMO_DIR)/user/*.d)
