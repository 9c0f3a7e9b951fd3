/* SPDX-License-Identifier: MIT */
/*
 * The order of a machine's state, and what of it lies between devices. A load first takes off the buses and the memory
 * map whatever a guest can move; then each device puts back its own. The processor comes last: its translations are
 * host addresses again only when the map is whole.
 */
#include "devices/machine_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/machine_parts.h"

#define NS_MAX (1ll << 58) /* nine years */

/* ---- The configuration ---- */

static void kinds_state(struct state *s, void *at)
{
    struct machine_drive *drive = at;

    for (int i = 0; i < MACHINE_DRIVES; i++) {
        u64 kind = drive[i].kind;

        state_number(s, "drive.kind", &kind, MACHINE_CDROM);
        drive[i].kind = (enum machine_drive_kind)kind;
    }
}

static void presence_state(struct state *s, void *at)
{
    struct machine_floppy *floppy = at;

    for (int i = 0; i < MACHINE_FLOPPIES; i++) {
        u64 present = floppy[i].present;

        state_number(s, "floppy.present", &present, 1);
        floppy[i].present = present;
    }
}

static void order_state(struct state *s, void *at)
{
    char *order = at;

    state_text(s, "boot order", order, sizeof(((struct machine_config *)0)->boot_order));
    if (state_is_loading(s) && !s->failed && strspn(order, "acd") != strlen(order))
        state_fail(s, "machine.boot_order: is not of a, c and d");
}

static const struct state_field config_fields[] = {
    STATE_RANGE(machine_config, ram_bytes, 1 << 20, PHYS_MAX_RAM),
    STATE_WIRED(machine_config, cpu_model), /* apart */
    STATE_ANY(machine_config, seed),
    STATE_BOOL(machine_config, rtc_base_set),
    STATE_ANY(machine_config, rtc_base),
    STATE_WIRED(machine_config, no_reboot), /* a matter of the run, as all who listen are */
    STATE_ANY(machine_config, debug_exit_port),
    STATE_BOOL(machine_config, testdev),
    STATE_BOOL(machine_config, com),
    STATE_WIRED(machine_config, serial),
    STATE_CUSTOM(machine_config, drive, kinds_state),
    STATE_CUSTOM(machine_config, floppy, presence_state),
    STATE_WIRED(machine_config, printer),
    STATE_CUSTOM(machine_config, boot_order, order_state),
    STATE_CUSTOM(machine_config, boot_once, order_state),
    STATE_BOOL(machine_config, boot_menu),
    STATE_BOOL(machine_config, any_floppy_boots),
    STATE_ANY(machine_config, debugcon_port),
    STATE_WIRED(machine_config, debugcon),
    STATE_WIRED(machine_config, post),
    STATE_WIRED(machine_config, post190),
    STATE_BOOL(machine_config, no_vga),
    STATE_WIRED(machine_config, vga_rom), /* apart */
    STATE_WIRED(machine_config, vga_rom_size),
    STATE_WIRED(machine_config, idle),
    STATE_WIRED(machine_config, idle_ctx),
};
static const struct state_table config_table = STATE_TABLE(machine_config, config_fields);

static void config_state(struct machine_saved *saved, u8 **rom, struct state *s)
{
    u64 listener = saved->has_debugcon;

    state_section(s, "configuration");
    state_struct(s, &config_table, &saved->config);
    state_number(s, "debugcon", &listener, 1);
    saved->has_debugcon = listener;
    state_text(s, "cpu", saved->cpu_model, sizeof(saved->cpu_model));
    state_block(s, "video BIOS", rom, &saved->config.vga_rom_size, 1 << 20);
}

static void config_of(struct machine *m, struct machine_saved *saved, u8 **rom)
{
    *saved = (struct machine_saved){.config = m->config, .has_debugcon = m->config.debugcon.fn};
    saved->config.vga_rom_size = 0;
    *rom = m->vga_pci ? (u8 *)(uintptr_t)vga_pci_rom(m->vga_pci, &saved->config.vga_rom_size) : NULL;
    snprintf(saved->cpu_model, sizeof(saved->cpu_model), "%s", m->config.cpu_model);
}

void machine_config_save(struct machine *m, struct state *s)
{
    struct machine_saved saved;
    u8 *rom;

    if (strlen(m->config.cpu_model) >= sizeof(saved.cpu_model)) {
        state_fail(s, "the name of the processor model is too long");
        return;
    }
    config_of(m, &saved, &rom);
    config_state(&saved, &rom, s);
}

void machine_config_load(struct machine_saved *saved, struct state *s)
{
    *saved = (struct machine_saved){.has_debugcon = false};
    config_state(saved, &saved->vga_rom, s);
    saved->config.cpu_model = saved->cpu_model;
    saved->config.vga_rom = saved->vga_rom;
}

void machine_saved_free(struct machine_saved *saved)
{
    free(saved->vga_rom);
    saved->vga_rom = NULL;
}

static bool same_drives(const struct machine_config *a, const struct machine_config *b)
{
    for (int i = 0; i < MACHINE_DRIVES; i++)
        if (a->drive[i].kind != b->drive[i].kind)
            return false;
    for (int i = 0; i < MACHINE_FLOPPIES; i++)
        if (a->floppy[i].present != b->floppy[i].present)
            return false;
    return true;
}

void machine_config_check(struct machine *m, const struct machine_saved *saved, struct state *s)
{
    const struct machine_config *a = &m->config, *b = &saved->config;
    struct machine_saved own;
    const char *what = NULL;
    u8 *rom;

    config_of(m, &own, &rom);
    if (a->ram_bytes != b->ram_bytes)
        what = "memory size";
    else if (strcmp(own.cpu_model, saved->cpu_model) != 0)
        what = "processor model";
    else if (memcmp(a->com, b->com, sizeof(a->com)) != 0)
        what = "number of serial ports";
    else if (!same_drives(a, b))
        what = "set of drives";
    else if (a->no_vga != b->no_vga || own.config.vga_rom_size != b->vga_rom_size ||
             (rom && memcmp(rom, saved->vga_rom, b->vga_rom_size) != 0))
        what = "display adapter";
    else if (a->testdev != b->testdev || a->debug_exit_port != b->debug_exit_port ||
             a->debugcon_port != b->debugcon_port || (a->testdev && own.has_debugcon != saved->has_debugcon))
        what = "set of test devices";
    if (what)
        state_fail(s, "was saved with another %s", what);
}

/* ---- What lies between devices ---- */

static const struct state_field com_fields[] = {
    STATE_WIRED(com, machine),
    STATE_WIRED(com, uart),
    STATE_BOOL(com, irq),
    STATE_BOOL(com, enabled),
};
static const struct state_table com_table = STATE_TABLE(com, com_fields);

static const struct state_field fields[] = {
    STATE_WIRED(machine, config),
    STATE_WIRED(machine, phys),
    STATE_WIRED(machine, io),
    STATE_WIRED(machine, cpu),
    STATE_WIRED(machine, clock),
    STATE_WIRED(machine, pic),
    STATE_WIRED(machine, pit),
    STATE_WIRED(machine, rtc),
    STATE_WIRED(machine, i8042),
    STATE_WIRED(machine, keyboard),
    STATE_WIRED(machine, mouse),
    STATE_WIRED(machine, vga),
    STATE_WIRED(machine, vga_pci),
    STATE_STRUCT(machine, com, &com_table),
    STATE_WIRED(machine, apic_bus),
    STATE_WIRED(machine, lapic),
    STATE_WIRED(machine, ioapic),
    STATE_WIRED(machine, imcr),
    STATE_WIRED(machine, hpet),
    STATE_WIRED(machine, pm),
    STATE_WIRED(machine, fw_cfg),
    STATE_WIRED(machine, testdev),
    STATE_WIRED(machine, port92),
    STATE_WIRED(machine, reset_control),
    STATE_WIRED(machine, fpu_error),
    STATE_WIRED(machine, post),
    STATE_WIRED(machine, post190),
    STATE_WIRED(machine, debugcon),
    STATE_WIRED(machine, debug_exit),
    STATE_WIRED(machine, shutdown_port),
    STATE_WIRED(machine, pci),
    STATE_WIRED(machine, i440fx),
    STATE_WIRED(machine, piix3),
    STATE_WIRED(machine, piix4_pm),
    STATE_WIRED(machine, piix_ide),
    STATE_WIRED(machine, ide),
    STATE_WIRED(machine, dma),
    STATE_WIRED(machine, fdc),
    STATE_WIRED(machine, lpt),
    STATE_WIRED(machine, boot),
    STATE_WIRED(machine, boot_ctx),
    STATE_WIRED(machine, slice),
    STATE_WIRED(machine, slice_ctx),
    STATE_ANY(machine, line_up),
    STATE_WIRED(machine, has_apic),
    STATE_BOOL(machine, apic_decoded),
    STATE_BOOL(machine, apic_attached),
    STATE_BOOL(machine, apic_hole),
    STATE_ANY(machine, apic_page),
    STATE_BOOL(machine, hpet_legacy),
    STATE_BOOL(machine, timer_level),
    STATE_BOOL(machine, rtc_level),
    STATE_UPTO(machine, halted_ns, NS_MAX),
    STATE_CACHE(machine, running), /* never, here */
    STATE_BOOL(machine, reset_wanted),
    STATE_CACHE(machine, end_wanted), /* a run's */
    STATE_CACHE(machine, end),
    STATE_CACHE(machine, stop),
};
static const struct state_table table = STATE_TABLE(machine, fields);

/* Whatever a guest has placed, back to front. */
static void take_apart(struct machine *m)
{
    machine_apic_page_leave(m);
    if (m->vga_pci)
        vga_pci_leave(m->vga_pci);
    pci_leave(m->pci);
    piix_ide_leave(m->piix_ide);
    piix4_pm_leave(m->piix4_pm);
}

static void legacy_state(struct machine *m, struct state *s)
{
    state_section(s, "pic");
    pic_state(m->pic, s);
    state_section(s, "pit");
    pit_state(m->pit, s);
    state_section(s, "rtc");
    rtc_state(m->rtc, s);
    state_section(s, "i8042");
    i8042_state(m->i8042, s);
    state_section(s, "keyboard");
    ps2_keyboard_state(m->keyboard, s);
    state_section(s, "mouse");
    ps2_mouse_state(m->mouse, s);
    for (int i = 0; i < MACHINE_COMS; i++)
        if (m->com[i].uart) {
            state_section(s, "uart");
            uart_state(m->com[i].uart, s);
        }
    state_section(s, "lpt");
    lpt_state(m->lpt, s);
    state_section(s, "dma");
    dma_state(m->dma, s);
    state_section(s, "ports");
    port92_state(m->port92, s);
    reset_control_state(m->reset_control, s);
    fpu_error_state(m->fpu_error, s);
    post_state(m->post, s);
    post_state(m->post190, s);
    shutdown_port_state(m->shutdown_port, s);
}

static void modern_state(struct machine *m, struct state *s)
{
    state_section(s, "lapic");
    lapic_state(m->lapic, s);
    state_section(s, "ioapic");
    ioapic_state(m->ioapic, s);
    imcr_state(m->imcr, s);
    state_section(s, "hpet");
    hpet_state(m->hpet, s);
    state_section(s, "acpi_pm");
    acpi_pm_state(m->pm, s);
    state_section(s, "fw_cfg");
    fw_cfg_state(m->fw_cfg, s);
    if (m->testdev) {
        state_section(s, "testdev");
        testdev_state(m->testdev, s);
    }
}

static void storage_state(struct machine *m, struct state *s)
{
    for (int i = 0; i < 2; i++) {
        state_section(s, "ide");
        ide_state(m->ide[i], s);
    }
    state_section(s, "fdc");
    fdc_state(m->fdc, s);
}

static void chipset_state(struct machine *m, struct state *s)
{
    state_section(s, "pci");
    pci_state(m->pci, s);
    i440fx_state(m->i440fx, s);
    piix3_state(m->piix3, s);
    piix4_pm_state(m->piix4_pm, s);
    piix_ide_state(m->piix_ide, s);
    if (m->vga) {
        state_section(s, "vga");
        vga_state(m->vga, s);
        vga_pci_state(m->vga_pci, s);
    }
}

static void check_time(struct machine *m, struct state *s)
{
    if (s->failed)
        return;
    if (cpu_icount(m->cpu) > (u64)NS_MAX)
        state_fail(s, "cpu.limit: is of no run");
    else if (!pit_is_sound(m->pit))
        state_fail(s, "pit: is behind the time");
    else if (!rtc_is_sound(m->rtc))
        state_fail(s, "rtc: is behind the time");
}

void machine_state(struct machine *m, struct state *s)
{
    u64 before = machine_time(m);
    bool attached, hole;

    clock_state_begin(m->clock, s);
    if (state_is_loading(s))
        take_apart(m);
    state_section(s, "machine");
    state_struct(s, &table, m);
    attached = m->apic_attached;
    hole = m->apic_hole;
    if (state_is_loading(s)) /* until it is there again */
        m->apic_attached = m->apic_hole = false;
    state_section(s, "memory");
    phys_state(m->phys, s);
    legacy_state(m, s);
    modern_state(m, s);
    storage_state(m, s);
    chipset_state(m, s);
    if (state_is_loading(s))
        machine_apic_page_return(m, s, attached, hole);
    state_section(s, "cpu");
    cpu_state(m->cpu, s);
    state_section(s, "end");
    if (state_is_loading(s))
        check_time(m, s);
    clock_state_end(m->clock, s, before);
}

/* ---- In memory ---- */

enum { MEDIA = MACHINE_DRIVES + MACHINE_FLOPPIES };

struct machine_snapshot {
    struct state_memory devices;
    struct phys_snapshot *ram;
    struct block *medium[MEDIA];
    struct block_snapshot *written[MEDIA];
};

static struct block *medium_of(struct machine *m, int i)
{
    return i < MACHINE_DRIVES ? ide_block(m->ide[i / 2], i % 2) : fdc_block(m->fdc, i - MACHINE_DRIVES);
}

static bool fail(char *why, size_t size, const char *text)
{
    snprintf(why, size, "%s", text);
    return false;
}

static bool take_media(struct machine *m, struct machine_snapshot *snapshot, char *why, size_t size)
{
    for (int i = 0; i < MEDIA; i++) {
        struct block *b = medium_of(m, i);

        snapshot->medium[i] = b;
        if (!b)
            continue;
        if (!block_has_snapshot(b) && !block_read_only(b)) {
            snprintf(why, size, "%s: is written to by the guest and cannot go back; use -snapshot", block_path(b));
            return false;
        }
        if (!(snapshot->written[i] = block_snapshot(b)))
            return fail(why, size, "out of memory");
    }
    return true;
}

static bool take_all(struct machine *m, struct machine_snapshot *snapshot, char *why, size_t size)
{
    struct state s = {.stream = state_memory_writer(&snapshot->devices), .in_memory = true};

    if (!take_media(m, snapshot, why, size))
        return false;
    machine_state(m, &s);
    if (s.failed)
        return fail(why, size, s.why);
    snapshot->ram = phys_snapshot(m->phys);
    cpu_forget_writes(m->cpu);
    return snapshot->ram || fail(why, size, "out of memory");
}

struct machine_snapshot *machine_snapshot(struct machine *m, char *why, size_t size)
{
    struct machine_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    if (!snapshot) {
        fail(why, size, "out of memory");
        return NULL;
    }
    if (take_all(m, snapshot, why, size))
        return snapshot;
    machine_snapshot_free(m, snapshot);
    return NULL;
}

bool machine_restore(struct machine *m, const struct machine_snapshot *snapshot, char *why, size_t size)
{
    struct state_memory devices = snapshot->devices; /* bytes are borrowed; `at` is ours */
    struct state s = {.stream = state_memory_reader(&devices), .in_memory = true};

    for (int i = 0; i < MEDIA; i++)
        if (medium_of(m, i) != snapshot->medium[i])
            return fail(why, size, "another medium is in a drive now");
    for (int i = 0; i < MEDIA; i++)
        if (snapshot->medium[i] && !block_restore(snapshot->medium[i], snapshot->written[i]))
            return fail(why, size, "out of memory");
    phys_restore(m->phys, snapshot->ram);
    machine_state(m, &s);
    return !s.failed || fail(why, size, s.why);
}

void machine_snapshot_free(struct machine *m, struct machine_snapshot *snapshot)
{
    if (!snapshot)
        return;
    phys_snapshot_free(m->phys, snapshot->ram);
    for (int i = 0; i < MEDIA; i++)
        block_snapshot_free(snapshot->written[i]);
    state_memory_free(&snapshot->devices);
    free(snapshot);
}
