/* SPDX-License-Identifier: MIT */
/* The wiring of one PC. Read it as a schematic: wires first, then the tables of ports, devices and their lives. */
#include "devices/machine_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Wires and what they lead to ---- */

static const struct {
    u16 port;
    u8 irq;
} com_table[MACHINE_COMS] = {{0x3F8, IRQ_COM1}, {0x2F8, IRQ_COM2}, {0x3E8, IRQ_COM1}, {0x2E8, IRQ_COM2}};

static void reset_wire(void *listener, int line, bool level)
{
    struct machine *m = listener;

    (void)line;
    if (!level)
        return;
    m->reset_wanted = true;
    if (m->cpu)
        cpu_request_stop(m->cpu);
}

/* The keyboard controller and port 92h both drive the gate. As in every emulator, and unlike the OR of most chipsets,
 * the last to write wins, and both read back the state of the gate. */
static void a20_wire(void *listener, int line, bool level)
{
    struct machine *m = listener;

    (void)line;
    if (m->cpu)
        cpu_set_a20(m->cpu, level);
    if (m->i8042)
        i8042_a20_is(m->i8042, level);
    if (m->port92)
        port92_a20_is(m->port92, level);
}

static void ignne_wire(void *listener, int line, bool level)
{
    struct machine *m = listener;

    (void)line;
    if (m->cpu)
        cpu_set_ignne(m->cpu, level);
}

/* What the guest sees of video memory at A0000 is another part of it, or the device itself. */
static void vga_window_wire(void *ctx, u8 *host)
{
    struct machine *m = ctx;

    phys_set_window(m->phys, VGA_WINDOW, host);
    if (m->cpu)
        cpu_memory_moved(m->cpu);
}

static void com_update(struct com *c)
{
    struct machine *m = c->machine;
    int n = (int)(c - m->com);
    bool level = false;

    for (int i = 0; i < MACHINE_COMS; i++)
        level |= com_table[i].irq == com_table[n].irq && m->com[i].irq && m->com[i].enabled;
    wire_set(machine_isa(m, com_table[n].irq), level);
}

static void com_irq_wire(void *listener, int line, bool level)
{
    struct com *c = listener;

    (void)line;
    c->irq = level;
    com_update(c);
}

static void com_out2_wire(void *listener, int line, bool level)
{
    struct com *c = listener;

    (void)line;
    c->enabled = level;
    com_update(c);
}

static void debug_exit_told(void *ctx, u32 value)
{
    machine_end_with(ctx, END_DEBUG_EXIT, (int)((value << 1 | 1) & 0xFF), value);
}

/* SLP_TYP of S5 in our DSDT, as in QEMU's, to which systems write without asking; there are no other states. */
static void sleep_told(void *ctx, u32 type)
{
    if (type == MACHINE_SLP_TYP_S5)
        machine_end_with(ctx, END_SHUTDOWN, 0, type);
}

static void shutdown_told(void *ctx, u32 value) { machine_end_with(ctx, END_SHUTDOWN, 0, value); }

/* ---- What the processor sees of us ---- */

static int cpu_acknowledges(void *ctx)
{
    struct machine *m = ctx;

    return lapic_acknowledge(m->lapic);
}

static void cpu_ferr(void *ctx, bool level)
{
    struct machine *m = ctx;

    fpu_error_ferr(m->fpu_error, level);
}

static u64 cpu_extra_time(void *ctx)
{
    struct machine *m = ctx;

    return m->halted_ns;
}

static u64 machine_now(void *ctx)
{
    struct machine *m = ctx;

    return (m->cpu ? cpu_icount(m->cpu) : 0) + m->halted_ns;
}

/* Something became due earlier than the processor was told to run. */
static void machine_earlier(void *ctx)
{
    struct machine *m = ctx;
    u64 icount, now, next = clock_next(m->clock);

    if (!m->running)
        return;
    icount = cpu_icount(m->cpu);
    now = icount + m->halted_ns;
    cpu_set_deadline(m->cpu, next > now ? icount + (next - now) : icount);
}

/* ---- Construction ---- */

static bool fail(char *why, size_t size, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(why, size, format, ap);
    va_end(ap);
    return false;
}

static bool create_coms(struct machine *m)
{
    for (int i = 0; i < MACHINE_COMS; i++) {
        struct com *c = &m->com[i];

        c->machine = m;
        if (i > 0 && !m->config.com[i])
            continue;
        c->uart = uart_create(m->clock, (struct wire){com_irq_wire, c, 0}, (struct wire){com_out2_wire, c, 0},
                              &m->config.serial[i]);
        if (!c->uart)
            return false;
    }
    return true;
}

/* Keyboard and mouse, and the controller they are plugged into. */
static bool create_input(struct machine *m, struct wire a20, struct wire reset)
{
    struct ps2_device keyboard, mouse;

    m->i8042 = i8042_create(m->clock, &(struct i8042_wires){
                                          .keyboard = machine_isa(m, IRQ_KEYBOARD),
                                          .aux = machine_isa(m, IRQ_MOUSE),
                                          .a20 = a20,
                                          .reset = reset,
                                      });
    if (!m->i8042)
        return false;
    m->keyboard = ps2_keyboard_create(m->clock, i8042_keyboard_wire(m->i8042));
    m->mouse = ps2_mouse_create(m->clock, i8042_aux_wire(m->i8042));
    if (!m->keyboard || !m->mouse)
        return false;
    keyboard = ps2_keyboard_device(m->keyboard);
    mouse = ps2_mouse_device(m->mouse);
    i8042_plug(m->i8042, &keyboard, &mouse);
    return true;
}

/* Every device with the wires it is handed. */
static bool create_devices(struct machine *m)
{
    struct hpet_wires wires = machine_hpet_wires(m);
    struct wire reset = {reset_wire, m, 0}, a20 = {a20_wire, m, 0};

    if (!machine_create_apics(m) || !(m->pic = pic_create(machine_pic_intr(m))))
        return false;
    m->pit = pit_create(m->clock, machine_timer_line(m, IRQ_TIMER));
    m->rtc = rtc_create(m->clock, machine_timer_line(m, IRQ_RTC),
                        m->config.rtc_base_set ? m->config.rtc_base : RTC_DEFAULT_BASE);
    if (!create_input(m, a20, reset))
        return false;
    m->hpet = hpet_create(m->clock, &wires);
    m->pm = acpi_pm_create(m->clock, machine_isa(m, IRQ_SCI), (struct tell){sleep_told, m});
    m->fw_cfg = fw_cfg_create();
    if (!m->config.no_vga && !(m->vga = vga_create(m->clock, &(struct vga_wires){vga_window_wire, m})))
        return false;
    if (m->config.testdev && !(m->testdev = testdev_create(machine_isa(m, 0))))
        return false;
    m->port92 = port92_create(a20, reset);
    m->reset_control = reset_control_create(reset);
    m->fpu_error = fpu_error_create(machine_isa(m, IRQ_FPU), (struct wire){ignne_wire, m, 0});
    m->post = post_create(m->config.post);
    m->post190 = post_create(m->config.post190);
    m->debugcon = debugcon_create(m->config.debugcon);
    m->debug_exit = debug_exit_create((struct tell){debug_exit_told, m});
    m->shutdown_port = shutdown_port_create((struct tell){shutdown_told, m});
    return m->hpet && m->pm && m->fw_cfg && m->pit && m->rtc && m->port92 && m->reset_control && m->fpu_error &&
           m->post && m->post190 && m->debugcon && m->debug_exit && m->shutdown_port && create_coms(m) &&
           machine_create_storage(m);
}

/* The port map. */
static bool attach_ports(struct machine *m)
{
    bool e9_is_testdev = m->testdev && !m->config.debugcon.fn && m->config.debugcon_port == 0xE9;
    const struct {
        u16 base, size;
        const struct region_ops *ops;
        void *device;
    } ports[] = {
        {0x0020, 2, &pic_master_ops, m->pic},
        {0x0040, 4, &pit_ops, m->pit},
        {0x0060, 1, &i8042_data_ops, m->i8042},
        {0x0061, 1, &pit_port_b_ops, m->pit},
        {0x0064, 1, &i8042_command_ops, m->i8042},
        {0x0070, 2, &rtc_ops, m->rtc},
        {0x0080, 1, &post_ops, m->post},
        {0x0092, 1, &port92_ops, m->port92},
        {0x00A0, 2, &pic_slave_ops, m->pic},
        {0x00E0, 4, &testdev_latch_ops, m->testdev},
        {0x00E4, 4, &testdev_flush_ops, m->testdev},
        {0x00E8, e9_is_testdev ? 4 : 1, &testdev_byte_ops, m->testdev},
        {m->config.debugcon_port, 1, &debugcon_ops, e9_is_testdev ? NULL : m->debugcon},
        {0x00F0, 1, &fpu_error_ops, m->fpu_error},
        {m->config.debug_exit_port, 4, &debug_exit_ops, m->config.debug_exit_port ? m->debug_exit : NULL},
        {0x0190, 1, &post_ops, m->post190},
        {com_table[3].port, 8, &uart_ops, m->com[3].uart},
        {com_table[1].port, 8, &uart_ops, m->com[1].uart},
        {com_table[2].port, 8, &uart_ops, m->com[2].uart},
        {com_table[0].port, 8, &uart_ops, m->com[0].uart},
        {0x01CE, 4, &vga_vbe_ops, m->vga},
        {0x03B0, 0x30, &vga_port_ops, m->vga},
        {0x04D0, 2, &pic_elcr_ops, m->pic},
        {0x0510, 2, &fw_cfg_ops, m->fw_cfg},
        {0x0514, 8, &fw_cfg_dma_ops, m->fw_cfg},
        {0x2000, IOAPIC_LINES, &testdev_line_ops, m->testdev},
        {0x8900, 1, &shutdown_port_ops, m->shutdown_port},
    };

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (ports[i].device && !bus_attach(m->io, ports[i].base, ports[i].size, ports[i].ops, ports[i].device))
            return false;
    return machine_attach_storage(m);
}

/* The bytes in which a PC's firmware keeps what it found (IBM PC/AT Technical Reference, "CMOS RAM Addresses"). */
static void describe_in_cmos(struct machine *m)
{
    u64 low = machine_low_ram(m), high = machine_high_ram(m);
    u64 extended = (low - 0x100000) / 1024, above16 = low > 0x1000000 ? (low - 0x1000000) / 65536 : 0;
    unsigned sum = 0;

    extended = extended > 0xFFFF ? 0xFFFF : extended;
    high /= 65536;
    const struct {
        u8 index, value;
    } bytes[] = {
        {0x14, 0x06}, /* equipment: coprocessor, keyboard and no floppy drive */
        {0x15, 0x80},
        {0x16, 0x02}, /* 640 KiB of base memory */
        {0x17, (u8)extended},
        {0x18, (u8)(extended >> 8)}, /* KiB above 1 MiB */
        {0x30, (u8)extended},
        {0x31, (u8)(extended >> 8)},
        {0x34, (u8)above16},
        {0x35, (u8)(above16 >> 8)}, /* 64 KiB units above 16 MiB */
        {0x5B, (u8)high},
        {0x5C, (u8)(high >> 8)},
        {0x5D, (u8)(high >> 16)}, /* ... and above 4 GiB */
    };

    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
        rtc_set_nvram(m->rtc, bytes[i].index, bytes[i].value);
    machine_describe_floppies(m);
    for (u8 i = 0x10; i <= 0x2D; i++)
        sum += rtc_get_nvram(m->rtc, i);
    rtc_set_nvram(m->rtc, 0x2E, (u8)(sum >> 8));
    rtc_set_nvram(m->rtc, 0x2F, (u8)sum);
}

/* The memory map, over RAM: the window of the video memory, in two halves, and its frame buffer. ROM images are laid in
 * by the loaders. */
static bool shape_memory(struct machine *m)
{
    return phys_add_window(m->phys, VGA_WINDOW, 0x10000, NULL) &&
           phys_add_window(m->phys, VGA_WINDOW + 0x10000, 0x10000, NULL);
}

static void framebuffer_moved(void *ctx, u32 decoded)
{
    struct machine *m = ctx;

    (void)decoded;
    if (m->cpu)
        cpu_memory_moved(m->cpu);
}

static bool attach_vga(struct machine *m)
{
    if (!m->vga)
        return true;
    m->vga_pci = vga_pci_create(&(struct vga_pci_config){.pci = m->pci,
                                                         .phys = m->phys,
                                                         .vga = m->vga,
                                                         .rom = m->config.vga_rom,
                                                         .rom_size = m->config.vga_rom_size,
                                                         .moved = {framebuffer_moved, m}});
    return m->vga_pci && bus_attach(phys_mmio(m->phys), VGA_WINDOW, 0x20000, &vga_window_ops, m->vga);
}

static bool attach_memory(struct machine *m)
{
    struct bus *mmio = phys_mmio(m->phys);

    return bus_attach(mmio, MACHINE_HPET, 0x400, &hpet_ops, m->hpet) &&
           (!m->testdev || bus_attach(mmio, 0xFF000000, TESTDEV_MEMORY, &testdev_memory_ops, m->testdev));
}

/* What firmware asks for. */
static bool describe_in_fw_cfg(struct machine *m)
{
    if (!fw_cfg_allow_dma(m->fw_cfg, m->phys))
        return false;
    return fw_cfg_set_number(m->fw_cfg, FW_CFG_RAM_SIZE, m->config.ram_bytes, 8) &&
           fw_cfg_set_number(m->fw_cfg, FW_CFG_NB_CPUS, 1, 2) && fw_cfg_set_number(m->fw_cfg, FW_CFG_MAX_CPUS, 1, 2) &&
           fw_cfg_set_number(m->fw_cfg, FW_CFG_BOOT_MENU, m->config.boot_menu, 2);
}

static bool build(struct machine *m, char *why, size_t size)
{
    u64 ram = m->config.ram_bytes;

    if (ram < 1 << 20 || ram > PHYS_MAX_RAM || ram % PAGE_SIZE)
        return fail(why, size, "memory size %llu is not a multiple of 4 KiB between 1 MiB and 16 GiB",
                    (unsigned long long)ram);
    if (!(m->phys = phys_create(ram)))
        return fail(why, size, "the host refuses %llu MiB of memory", (unsigned long long)(ram >> 20));
    m->io = bus_create(0xFF);
    m->clock = clock_create(machine_now, m);
    if (!m->io || !m->clock || !shape_memory(m) || !create_devices(m) || !attach_vga(m))
        return fail(why, size, "out of memory");
    if (!attach_ports(m))
        return fail(why, size, "debug exit port 0x%x or debug console port 0x%x overlaps another device",
                    m->config.debug_exit_port, m->config.debugcon_port);
    m->cpu = cpu_create(&(struct cpu_config){.phys = m->phys,
                                             .io = m->io,
                                             .model = m->config.cpu_model,
                                             .seed = m->config.seed,
                                             .acknowledge = cpu_acknowledges,
                                             .ferr = cpu_ferr,
                                             .time = cpu_extra_time,
                                             .ctx = m,
                                             .apic_ops = &machine_apic_ops,
                                             .apic = m->lapic},
                        why, size);
    if (!m->cpu)
        return false;
    if (!machine_place_apics(m) || !attach_memory(m) || !describe_in_fw_cfg(m))
        return fail(why, size, "out of memory");
    cpu_set_a20(m->cpu, true);
    clock_on_earlier(m->clock, machine_earlier, m);
    describe_in_cmos(m);
    machine_describe_boot(m, false);
    return true;
}

struct machine *machine_create(const struct machine_config *config, char *why, size_t size)
{
    struct machine *m = calloc(1, sizeof(*m));

    if (!m) {
        fail(why, size, "out of memory");
        return NULL;
    }
    m->config = *config;
    if (!m->config.cpu_model)
        m->config.cpu_model = "max";
    if (!m->config.debugcon_port)
        m->config.debugcon_port = 0xE9;
    if (!build(m, why, size)) {
        machine_destroy(m);
        return NULL;
    }
    return m;
}

void machine_destroy(struct machine *m)
{
    if (!m)
        return;
    if (m->cpu)
        cpu_destroy(m->cpu);
    m->cpu = NULL;
    machine_destroy_storage(m);
    for (int i = 0; i < MACHINE_COMS; i++)
        uart_destroy(m->com[i].uart);
    shutdown_port_destroy(m->shutdown_port);
    debug_exit_destroy(m->debug_exit);
    debugcon_destroy(m->debugcon);
    post_destroy(m->post190);
    post_destroy(m->post);
    fpu_error_destroy(m->fpu_error);
    reset_control_destroy(m->reset_control);
    port92_destroy(m->port92);
    vga_pci_destroy(m->vga_pci);
    vga_destroy(m->vga);
    ps2_mouse_destroy(m->mouse);
    ps2_keyboard_destroy(m->keyboard);
    i8042_destroy(m->i8042);
    rtc_destroy(m->rtc);
    testdev_destroy(m->testdev);
    fw_cfg_destroy(m->fw_cfg);
    acpi_pm_destroy(m->pm);
    hpet_destroy(m->hpet);
    pit_destroy(m->pit);
    pic_destroy(m->pic);
    machine_destroy_apics(m);
    clock_destroy(m->clock);
    if (m->io)
        bus_destroy(m->io);
    if (m->phys)
        phys_destroy(m->phys);
    free(m);
}

/* The PIC comes after all who drive its inputs, so that it finds each line at its idle level. */
void machine_reset(struct machine *m)
{
    m->reset_wanted = false;
    cpu_reset(m->cpu);
    hpet_reset(m->hpet);
    acpi_pm_reset(m->pm);
    fw_cfg_reset(m->fw_cfg);
    pit_reset(m->pit);
    rtc_reset(m->rtc);
    ps2_keyboard_reset(m->keyboard);
    ps2_mouse_reset(m->mouse);
    i8042_reset(m->i8042);
    if (m->vga)
        vga_reset(m->vga);
    for (int i = 0; i < MACHINE_COMS; i++)
        if (m->com[i].uart)
            uart_reset(m->com[i].uart);
    machine_reset_storage(m);
    port92_reset(m->port92);
    reset_control_reset(m->reset_control);
    fpu_error_reset(m->fpu_error);
    post_reset(m->post);
    post_reset(m->post190);
    debugcon_reset(m->debugcon);
    debug_exit_reset(m->debug_exit);
    shutdown_port_reset(m->shutdown_port);
    pic_reset(m->pic);
    machine_reset_apics(m);
    cpu_set_a20(m->cpu, true);
}

void machine_as_firmware_leaves_it(struct machine *m)
{
    static const struct {
        u16 port;
        u8 value;
    } writes[] = {
        {0x20, 0x11}, {0x21, 0x08}, {0x21, 0x04}, {0x21, 0x01}, {0x21, 0xFA}, /* ICW1..4; IRQ 0 and 2 open */
        {0xA0, 0x11}, {0xA1, 0x70}, {0xA1, 0x02}, {0xA1, 0x01}, {0xA1, 0xFF},
        {0x43, 0x36}, {0x40, 0x00}, {0x40, 0x00}, /* channel 0: mode 3, 65536 */
        {0x43, 0x54}, {0x41, 0x12},               /* channel 1: refresh, every 15 us */
        {0x64, 0xAA}, {0x64, 0x60}, {0x60, 0x45}, /* self test; translate, IRQ 1 */
    };

    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        bus_write(m->io, writes[i].port, writes[i].value, 1);
    bus_read(m->io, 0x60, 1); /* the self test's answer */
    if (m->vga)
        vga_set_text_mode(m->vga);
    if (m->has_apic)
        machine_virtual_wire(m);
    for (int i = 0; i < MACHINE_COMS; i++)
        if (m->com[i].uart)
            bus_write(m->io, com_table[i].port + 3u, 0x03, 1);
    machine_chipset_as_firmware_leaves_it(m);
}

void machine_on_reset(struct machine *m, machine_boot_fn *boot, void *ctx)
{
    m->boot = boot;
    m->boot_ctx = ctx;
}

/* ---- Its parts ---- */

struct cpu *machine_cpu(struct machine *m) { return m->cpu; }

struct phys *machine_phys(struct machine *m) { return m->phys; }

struct bus *machine_io(struct machine *m) { return m->io; }

struct clock *machine_clock(struct machine *m) { return m->clock; }

struct pic *machine_pic(struct machine *m) { return m->pic; }

bool machine_has_apic(struct machine *m) { return m->has_apic; }

struct lapic *machine_lapic(struct machine *m) { return m->has_apic ? m->lapic : NULL; }

struct ioapic *machine_ioapic(struct machine *m) { return m->has_apic ? m->ioapic : NULL; }

struct pit *machine_pit(struct machine *m) { return m->pit; }

struct fw_cfg *machine_fw_cfg(struct machine *m) { return m->fw_cfg; }

struct pci *machine_pci(struct machine *m) { return m->pci; }

struct rtc *machine_rtc(struct machine *m) { return m->rtc; }

struct uart *machine_com(struct machine *m, int n) { return n >= 0 && n < MACHINE_COMS ? m->com[n].uart : NULL; }

struct i8042 *machine_keyboard_controller(struct machine *m) { return m->i8042; }

struct acpi_pm *machine_pm(struct machine *m) { return m->pm; }

struct ps2_keyboard *machine_keyboard(struct machine *m) { return m->keyboard; }

struct ps2_mouse *machine_mouse(struct machine *m) { return m->mouse; }

struct vga *machine_vga(struct machine *m) { return m->vga; }

const char *machine_cpu_model(const struct machine *m) { return m->config.cpu_model; }

u64 machine_time(struct machine *m) { return machine_now(m); }

u64 machine_low_ram(struct machine *m)
{
    u64 ram = phys_ram_bytes(m->phys);

    return ram < PHYS_LOW_RAM_TOP ? ram : PHYS_LOW_RAM_TOP;
}

u64 machine_high_ram(struct machine *m) { return phys_ram_bytes(m->phys) - machine_low_ram(m); }
