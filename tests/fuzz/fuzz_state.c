/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a saved state. Its head is made right, so that they reach what is behind it: it is refused with a
 * reason, or a machine takes it, runs for a moment, is looked at and saved again. Loaded into a machine that runs
 * already, a state that is refused leaves that machine as it was.
 *
 * The input: a byte that says how, then either all that follows the file's head, or edits to the state of a machine
 * with paging, interrupts and timers under way: {position, 3 bytes; what, 1 byte; bytes}. What: bits 1:0 0 overwrite,
 * 1 flip bits, 2 cut bytes out, 3 put bytes in; bits 4:2 how many bytes, less one; 0xff ends the state here. So inputs
 * stay small, and do not go stale with each change of the format.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "frontend/monitor.h"
#include "frontend/saved.h"
#include "tests/fuzz/fuzz.h"

enum { RAM = 1 << 20, STATE_MAX = 4 << 20, EDITS_MAX = 64, CUT_HERE = 0xff };
enum { TABLES = 0x1000, IDT = 0x2000, COUNTER = 0x3000, CODE = 0x8000, HANDLER = 0x8800, STACK = 0x7000 };
enum { AS_FILE = 1, LOOK = 2, REPLACE = 4, DISPLAY = 8 };

/* The states that edits apply to: without and with a display adapter, whose memory takes its time. */
static struct state_memory starts[2];

static struct state_memory *start_of(u8 how) { return &starts[how & DISPLAY ? 1 : 0]; }

/* ---- The machine it is of ---- */

/* fninit; 1: inc dword [COUNTER]; out 0x80, al; fld1; fstp st0; movups xmm0, [COUNTER]; mov [0xb8000], eax; in al,
 * 0x61; jmp 1b
 */
static const u8 code[] = {0xdb, 0xe3, 0xff, 0x05, 0x00, 0x30, 0x00, 0x00, 0xe6, 0x80, 0xd9, 0xe8, 0xdd, 0xd8, 0x0f,
                          0x10, 0x05, 0x00, 0x30, 0x00, 0x00, 0xa3, 0x00, 0x80, 0x0b, 0x00, 0xe4, 0x61, 0xeb, 0xe4};
/* push eax; mov al, 0x20; out 0xa0, al; out 0x20, al; mov dword [0xfee000b0], 0; pop eax; iret */
static const u8 handler[] = {0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0xc7, 0x05, 0xb0,
                             0x00, 0xe0, 0xfe, 0x00, 0x00, 0x00, 0x00, 0x58, 0xcf};

static struct machine_config config_of(const struct options *o)
{
    struct machine_config c = {
        .ram_bytes = o->ram_bytes,
        .cpu_model = o->cpu_model,
        .seed = o->seed,
        .rtc_base_set = o->rtc_base_set,
        .rtc_base = o->rtc_base,
        .no_reboot = true,
        .no_vga = o->no_vga,
        .debug_exit_port = o->debug_exit_port,
        .testdev = o->testdev,
        .debugcon_port = o->debugcon_port,
    };

    for (int i = 0; i < MACHINE_COMS; i++)
        c.com[i] = o->serial[i].kind != ENDPOINT_UNSET;
    return c;
}

static struct options start_options(u8 how)
{
    struct options o = {
        .ram_bytes = RAM, .debug_exit_port = 0xf4, .testdev = true, .debugcon_port = 0xe9, .no_vga = !(how & DISPLAY)};

    o.serial[1].kind = ENDPOINT_NONE;
    o.drive[2] = (struct drive_option){.used = true, .cdrom = true};
    o.floppy[0].used = true;
    return o;
}

static void fill_memory(struct phys *phys)
{
    for (unsigned i = 0; i < 256; i++)
        phys_write(phys, IDT + 8 * i, 0x00008e0000080000ull | HANDLER, 8);
    for (unsigned i = 0; i < 1024; i++)
        phys_write(phys, TABLES + 4 * i, i << 22 | 0xe3, 4); /* 4 MiB pages, as they are */
    phys_copy_in(phys, CODE, code, sizeof(code));
    phys_copy_in(phys, HANDLER, handler, sizeof(handler));
}

/* Timers of every kind run, and interrupts are taken. */
static void start_devices(struct machine *m)
{
    static const u32 writes[][2] = {{0xfee000f0, 0x1ff}, {0xfee00320, 0x20040}, {0xfee003e0, 0xb},
                                    {0xfee00380, 3000},  {0xfec00000, 0x14},    {0xfec00010, 0x42},
                                    {0xfed00010, 1},     {0xfed00100, 0x404},   {0xfed00108, 100000}};

    machine_as_firmware_leaves_it(m);
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        phys_write(machine_phys(m), writes[i][0], writes[i][1], 4);
    bus_write(machine_io(m), 0x70, 0x0b, 1);
    bus_write(machine_io(m), 0x71, 0x42, 1); /* the clock's periodic interrupt */
    bus_write(machine_io(m), 0x3f9, 0x0f, 1);
    bus_write(machine_io(m), 0x3f8, 'x', 1);
    bus_write(machine_io(m), 0x602, 0x01, 2);
    bus_write(machine_io(m), 0x176, 0xa0, 1);
    bus_write(machine_io(m), 0x177, 0xa0, 1); /* a packet is expected */
}

static void start_processor(struct cpu *cpu)
{
    struct cpu_state s;

    cpu_get_state(cpu, &s);
    s.cr0 = 0x80010011;
    s.cr3 = TABLES;
    s.cr4 = 0x210; /* PSE, OSFXSR */
    s.rflags = 0x202;
    s.rip = CODE;
    s.gpr[REG_RSP] = STACK;
    s.idt_base = IDT;
    s.idt_limit = 0x7ff;
    s.gdt_base = COUNTER + 0x100;
    s.gdt_limit = 0x17;
    for (int i = 0; i < 6; i++)
        s.seg[i] = (struct cpu_segment){
            .selector = i == SEG_CS ? 8 : 16, .limit = 0xffffffff, .attributes = i == SEG_CS ? 0xc09b : 0xc093};
    cpu_set_state(cpu, &s);
}

static void add_gdt(struct phys *phys)
{
    phys_write(phys, COUNTER + 0x108, 0x00cf9a000000ffffull, 8);
    phys_write(phys, COUNTER + 0x110, 0x00cf92000000ffffull, 8);
}

/* Of a file that was just written: all of its state. */
static void unpack(const char *path, struct state_memory *start)
{
    char why[512] = "";
    struct state_file *f = state_file_open(path, why, sizeof(why));
    struct state_stream from, to = state_memory_writer(start);
    u8 byte;

    if (!f)
        fuzz_found("the state that was written is refused: %s", why);
    from = state_file_stream(f);
    while (from.read(from.ctx, &byte, 1))
        to.write(to.ctx, &byte, 1);
    state_file_close(f);
}

static void leave(void)
{
    state_memory_free(&starts[0]);
    state_memory_free(&starts[1]);
}

static void make_start(u8 how)
{
    char directory[] = "/tmp/faultline-fuzz-XXXXXX", path[64], why[512] = "";
    struct options o = start_options(how);
    struct machine_config config = config_of(&o);
    static struct console console;
    static struct watch watch; /* it watches nothing */
    struct drives drives = {0};
    struct machine_end end;
    struct machine *m;

    if (!mkdtemp(directory) || !drives_open(&drives, &o, &config, why, sizeof(why)) ||
        !(m = machine_create(&config, why, sizeof(why))))
        fuzz_found("no machine: %s", why);
    fill_memory(machine_phys(m));
    add_gdt(machine_phys(m));
    start_devices(m);
    start_processor(machine_cpu(m));
    end = machine_run(m, (struct machine_limits){.max_instructions = 30000});
    if (end.reason != END_BUDGET || phys_read(machine_phys(m), COUNTER, 4) < 1000)
        fuzz_found("the machine does not run: %s, count %llu", machine_end_text(end.reason),
                   (unsigned long long)phys_read(machine_phys(m), COUNTER, 4));
    console_init(&console, NULL);
    watch = (struct watch){.machine = m, .options = &o};
    snprintf(path, sizeof(path), "%s/state", directory);
    if (!saved_write(&(struct saved_run){.o = &o, .machine = m, .console = &console, .watch = &watch}, path, why,
                     sizeof(why)))
        fuzz_found("cannot be saved: %s", why);
    unpack(path, start_of(how));
    unlink(path);
    rmdir(directory);
    machine_destroy(m);
    drives_close(&drives);
}

/* ---- The state of this input ---- */

static void edit(u8 *state, size_t *size, struct input *in)
{
    size_t at = input_take(in, 3) % (*size + 1);
    u8 what = input_byte(in);
    size_t n = (what >> 2 & 7) + 1, room = *size - at;

    if (what == CUT_HERE) {
        *size = at;
        return;
    }
    if ((what & 3) == 3) {
        if (*size + n > STATE_MAX)
            return;
        memmove(state + at + n, state + at, room);
        *size += n;
    } else if (n > room) {
        n = room;
    }
    if ((what & 3) == 2) {
        memmove(state + at, state + at + n, room - n);
        *size -= n;
        return;
    }
    for (size_t i = 0; i < n; i++)
        state[at + i] = (u8)((what & 3) == 1 ? state[at + i] ^ input_byte(in) : input_byte(in));
}

/* What follows the head. */
static u8 *make_body(u8 how, struct input *in, size_t *size)
{
    static u8 state[STATE_MAX];
    const struct state_memory *start = start_of(how);
    size_t length = start->size, room = ZSTD_compressBound(STATE_MAX);
    u8 *body;

    if (how & AS_FILE) {
        body = malloc(in->left + 1);
        *size = body ? input_rest(in, body, in->left) : 0;
        return body;
    }
    memcpy(state, start->bytes, length);
    for (int i = 0; i < EDITS_MAX && in->left; i++)
        edit(state, &length, in);
    body = malloc(room);
    *size = body ? ZSTD_compress(body, room, state, length, 1) : 0;
    return body;
}

/* A file without a place in the file system, with the head that its bytes ask for: devices/state_file.h. */
static int make_file(const u8 *body, size_t size, char path[32])
{
    struct {
        char magic[8];
        u32 version, zero;
        u64 size, hash;
    } head = {.magic = "FLTSTATE", .version = STATE_FILE_VERSION, .size = size};
    char name[] = "/tmp/faultline-fuzz-XXXXXX";
    int fd = mkstemp(name);

    for (size_t at = 0; at < size; at += 65536)
        head.hash = state_hash(head.hash, body + at, size - at < 65536 ? size - at : 65536);
    if (fd < 0 || write(fd, &head, sizeof(head)) != sizeof(head) || write(fd, body, size) != (ssize_t)size)
        fuzz_found("no file");
    unlink(name);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* ---- What may come of it ---- */

static void check_reason(const char *why, size_t size)
{
    if (!*why || !memchr(why, 0, size))
        fuzz_found("refused without a reason");
    if (strchr(why, '\n'))
        fuzz_found("a reason of more than a line: %s", why);
}

static void look(struct machine *m)
{
    static const char *const commands[] = {"info pic",   "info lapic --json", "info ioapic",    "info mtree",
                                           "info block", "info pci",          "info registers", "info tlb",
                                           "info mem",   "walk pc",           "disas pc 3",     "x/8gx rsp"};
    struct monitor monitor;
    struct reply r;

    if (!monitor_init(&monitor, m))
        fuzz_found("no memory");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        reply_init(&r, false);
        monitor_command(&monitor, commands[i], &r);
        reply_free(&r);
    }
    monitor_free(&monitor);
}

static u64 hash_of(struct machine *m)
{
    struct state_memory bytes = {0};
    struct state s = {.stream = state_memory_writer(&bytes)};
    u64 hash;

    machine_state(m, &s);
    if (s.failed)
        fuzz_found("a machine that runs cannot be saved: %s", s.why);
    hash = state_hash(0, bytes.bytes, bytes.size);
    state_memory_free(&bytes);
    return hash;
}

static void go_on(struct machine *m, u8 how)
{
    if (how & LOOK)
        look(m);
    machine_run(m, (struct machine_limits){.max_instructions = cpu_icount(machine_cpu(m)) + 3000});
    if (how & LOOK)
        hash_of(m);
}

/* No files of anybody's naming. */
static void leave_files(struct options *o)
{
    for (int i = 0; i < MACHINE_DRIVES; i++)
        if (o->drive[i].file)
            o->drive[i] = (struct drive_option){0};
    for (int i = 0; i < MACHINE_FLOPPIES; i++)
        o->floppy[i].file = NULL;
}

/* As --load-state does; NULL if it was refused. */
static struct machine *load(const char *path, struct drives *drives, struct options *o)
{
    struct saved *s = calloc(1, sizeof(*s));
    static struct watch watch; /* it watches nothing */
    struct machine_config config;
    struct machine *m = NULL;
    char why[512] = "";

    if (!s)
        fuzz_found("no memory");
    if (!saved_open(s, path, why, sizeof(why)) || !saved_settle(s, o, why, sizeof(why)))
        goto refused;
    leave_files(o);
    config = config_of(o);
    config.vga_rom = s->machine.vga_rom;
    config.vga_rom_size = s->machine.config.vga_rom_size;
    if (!drives_open(drives, o, &config, why, sizeof(why)) || !(m = machine_create(&config, why, sizeof(why))))
        goto refused;
    watch = (struct watch){.machine = m, .options = o};
    if (saved_load(s, &(struct saved_run){.o = o, .machine = m, .watch = &watch}, why, sizeof(why)))
        goto done;
refused:
    check_reason(why, sizeof(why));
    machine_destroy(m);
    m = NULL;
done:
    saved_close(s);
    free(s);
    return m;
}

static void load_and_run(const char *path, u8 how, bool plain)
{
    struct options o = {0};
    struct drives drives = {0};
    struct machine *m = load(path, &drives, &o);

    if (!m && plain)
        fuzz_found("a good state is refused");
    if (m)
        go_on(m, how);
    machine_destroy(m);
    drives_close(&drives);
}

/* As the monitor's loadstate does. */
static void replace(const char *path, u8 how, bool plain)
{
    static struct console console;
    static struct watch watch; /* it watches nothing */
    struct options o = start_options(how);
    struct machine_config config = config_of(&o);
    struct drives drives = {0};
    char why[512] = "";
    struct machine *m = NULL;
    u64 before;

    if (drives_open(&drives, &o, &config, why, sizeof(why)))
        m = machine_create(&config, why, sizeof(why));
    if (!m)
        fuzz_found("no machine: %s", why);
    fill_memory(machine_phys(m));
    start_processor(machine_cpu(m));
    machine_run(m, (struct machine_limits){.max_instructions = 100});
    console_init(&console, NULL);
    watch = (struct watch){.machine = m, .options = &o};
    before = hash_of(m);
    if (saved_replace(&(struct saved_run){.o = &o, .machine = m, .console = &console, .watch = &watch}, path, why,
                      sizeof(why))) {
        go_on(m, how);
    } else {
        check_reason(why, sizeof(why));
        if (plain)
            fuzz_found("a good state is refused: %s", why);
        if (hash_of(m) != before)
            fuzz_found("a state that was refused changed the machine: %s", why);
    }
    machine_destroy(m);
    drives_close(&drives);
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    struct input in = {bytes, size};
    u8 how = input_byte(&in), *body;
    bool plain = !in.left && !(how & AS_FILE);
    size_t length;
    char path[32];
    int fd;

    if (!starts[0].bytes && !starts[1].bytes)
        atexit(leave);
    if (!start_of(how)->bytes)
        make_start(how);
    body = make_body(how, &in, &length);
    if (!body || ZSTD_isError(length))
        fuzz_found("no memory");
    fd = make_file(body, length, path);
    free(body);
    if (how & REPLACE)
        replace(path, how, plain);
    else
        load_and_run(path, how, plain);
    close(fd);
    return 0;
}
