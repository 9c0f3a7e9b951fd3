/* SPDX-License-Identifier: MIT */
/* The devices of the PC that fuzz_device.c knows: one row each. */
#include "devices/apic.h"
#include "devices/chipset.h"
#include "devices/floppy.h"
#include "devices/ide.h"
#include "devices/vga.h"
#include "tests/fuzz/device.h"

#define MAKER(name) make_##name, reset_##name, destroy_##name, happen_##name, ask_##name

/* {memory?, address, size, operations, part} */
const struct row device_rows[] = {
    {"uart", MAKER(uart), {{0, 0x3F8, 8, &uart_ops, 0}}},
    {"pic",
     MAKER(pic),
     {{0, 0x20, 2, &pic_master_ops, 0}, {0, 0xA0, 2, &pic_slave_ops, 0}, {0, 0x4D0, 2, &pic_elcr_ops, 0}}},
    {"pit", MAKER(pit), {{0, 0x40, 4, &pit_ops, 0}, {0, 0x61, 1, &pit_port_b_ops, 0}}},
    {"rtc", MAKER(rtc), {{0, 0x70, 2, &rtc_ops, 0}}},
    {"ps2", MAKER(ps2), {{0, 0x60, 1, &i8042_data_ops, 0}, {0, 0x64, 1, &i8042_command_ops, 0}}},
    {"hpet", MAKER(hpet), {{1, 0xFED00000, 0x400, &hpet_ops, 0}}},
    {"pm", MAKER(pm), {{0, 0x600, 12, &acpi_pm_ops, 0}}},
    {"fwcfg", MAKER(fw_cfg), {{0, 0x510, 2, &fw_cfg_ops, 0}, {0, 0x514, 8, &fw_cfg_dma_ops, 0}}},
    {"lpt", MAKER(lpt), {{0, 0x378, 3, &lpt_ops, 0}}},
    {"testdev",
     MAKER(testdev),
     {{0, 0xE0, 4, &testdev_latch_ops, 0},
      {0, 0xE4, 4, &testdev_flush_ops, 0},
      {0, 0xE8, 4, &testdev_byte_ops, 0},
      {0, 0x2000, 24, &testdev_line_ops, 0},
      {1, 0xFF000000, TESTDEV_MEMORY, &testdev_memory_ops, 0}}},
    {"ports",
     MAKER(ports),
     {{0, 0x92, 1, &port92_ops, 0},
      {0, 0xCF9, 1, &reset_control_ops, 1},
      {0, 0x80, 1, &post_ops, 2},
      {0, 0xE9, 1, &debugcon_ops, 3},
      {0, 0xF4, 4, &debug_exit_ops, 4},
      {0, 0x8900, 1, &shutdown_port_ops, 5},
      {0, 0x22, 2, &imcr_ops, 6}}},
    {"vga",
     MAKER(vga),
     {{0, 0x3B0, 0x30, &vga_port_ops, 0},
      {0, 0x1CE, 4, &vga_vbe_ops, 0},
      {1, VGA_WINDOW, 0x20000, &vga_window_ops, 0},
      {1, 0xFEB00000, 0x1000, &vga_mmio_ops, 0}}},
    {"ide",
     MAKER(ide),
     {{0, 0x1F0, 8, &ide_command_ops, 0}, {0, 0x3F6, 1, &ide_control_ops, 0}, {0, 0xC000, 8, &ide_master_ops, 0}}},
    {"atapi",
     MAKER(atapi),
     {{0, 0x1F0, 8, &ide_command_ops, 0}, {0, 0x3F6, 1, &ide_control_ops, 0}, {0, 0xC000, 8, &ide_master_ops, 0}}},
    {"fdc",
     MAKER(fdc),
     {{0, 0x3F0, 6, &fdc_ops, 0},
      {0, 0x3F7, 1, &fdc_dir_ops, 0},
      {0, 0, 16, &dma_low_ops, 1},
      {0, 0x81, 15, &dma_page_ops, 1}}},
    {"dma",
     MAKER(dma),
     {{0, 0, 16, &dma_low_ops, 0}, {0, 0xC0, 32, &dma_high_ops, 0}, {0, 0x81, 15, &dma_page_ops, 0}}},
    {"lapic",
     MAKER(apic),
     {{1, 0xFEE00000, 0x1000, &lapic_ops, 0}, {1, 0xFEE01000, 0x1000, &lapic_ops, 1}, {1, 0xFEE00300, 0x100, NULL, 0}}},
    {"ioapic",
     MAKER(apic),
     {{1, 0xFEC00000, 0x1000, &ioapic_ops, 2}, {1, 0xFEC00000, 0x14, NULL, 2}, {1, 0xFEE00000, 0x1000, &lapic_ops, 0}}},
    {"pci",
     MAKER(pci),
     {{0, 0xCF8, 4, &pci_address_ops, 0},
      {0, 0xCFC, 4, &pci_data_ops, 0},
      {0, 0xC000, 0x100, NULL, 0},
      {0, 0x600, 64, NULL, 0},
      {1, 0xC0000, 0x40000, NULL, 0},
      {1, 0xE0000000, 0x10000, NULL, 0},
      {1, 0xE1000000, 0x10000, NULL, 0}}},
};
const unsigned device_row_count = sizeof device_rows / sizeof device_rows[0];
