/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what a gdb sends: packets cut anywhere, with checksums right and wrong, over a guest that runs, faults
 * and stops in between. No crash, and all that is answered is acknowledgements and whole packets.
 * The first byte's lowest bit: the rest is a raw stream; else it is lines, each sent as a packet, and as the text of a
 * monitor command if it begins with '>'.
 */
#include <stdio.h>
#include <stdlib.h>

#include "frontend/gdb.h"
#include "tests/fuzz/fuzz.h"

enum { GUEST = 0x7c00, SLICE = 500, GOES = 200 };

/* A loop that writes, calls, repeats and faults (INT 3, divide by zero), in real-address mode. */
static const u8 guest[] = {0xb9, 0x05, 0x00, 0xbf, 0x00, 0x10, 0xf3, 0xaa, 0xff, 0x06, 0x00, 0x20,
                           0xe8, 0x04, 0x00, 0xcc, 0xeb, 0xee, 0x90, 0x31, 0xd2, 0xf7, 0xf2, 0xc3};

static const volatile sig_atomic_t no_signal;

/* The other end: what it is sent must be a sequence of +, - and $text#xx. */
static bool check_sent(void *ctx, const u8 *bytes, size_t size)
{
    (void)ctx;
    for (size_t i = 0; i < size; i++) {
        u8 sum = 0;
        unsigned sent;
        size_t begin = i + 1;

        if (bytes[i] == '+' || bytes[i] == '-')
            continue;
        if (bytes[i] != '$')
            fuzz_found("byte %#x between packets", bytes[i]);
        for (i = begin; i < size && bytes[i] != '#'; i++) {
            if (bytes[i] == '$')
                fuzz_found("a $ within a packet");
            sum = (u8)(sum + bytes[i]);
        }
        if (i + 2 >= size || sscanf((const char[]){(char)bytes[i + 1], (char)bytes[i + 2], 0}, "%2x", &sent) != 1 ||
            sent != sum)
            fuzz_found("a packet without its checksum");
        i += 2;
    }
    return true;
}

static struct machine *machine;

static void unmake(void) { machine_destroy(machine); }

static struct machine *make(void)
{
    struct machine_config config = {.ram_bytes = 1 << 20, .no_reboot = true, .no_vga = true};
    char why[256];
    struct machine *m = machine_create(&config, why, sizeof why);

    if (!m)
        fuzz_found("no machine: %s", why);
    atexit(unmake);
    return m;
}

static void start(struct machine *m)
{
    struct cpu_state s;
    u8 handler = 0xcf;

    machine_reset(m);
    phys_fill(machine_phys(m), 0, 0, 0x9f000);
    phys_copy_in(machine_phys(m), GUEST, guest, sizeof guest);
    for (u16 v = 0; v < 256; v++)
        phys_copy_in(machine_phys(m), v * 4u, &(u16){0x600}, 2);
    phys_copy_in(machine_phys(m), 0x600, &handler, 1);
    cpu_get_state(machine_cpu(m), &s);
    s.seg[SEG_CS].base = 0;
    s.seg[SEG_CS].selector = 0;
    s.rip = GUEST;
    s.gpr[REG_RSP] = 0x7000;
    cpu_set_state(machine_cpu(m), &s);
}

/* As control_run() does, but it never waits. */
static void go(struct control *c, struct gdb *g)
{
    for (unsigned n = 0; !c->stopped && !c->quit && n < GOES; n++) {
        u64 now = cpu_icount(machine_cpu(c->machine));
        bool stepping = c->pause_at;
        struct machine_limits limits = {.pause_at = stepping ? c->pause_at : now + SLICE,
                                        .max_instructions = now + 10 * SLICE};
        struct machine_end end;

        cpu_stop_at_handlers(machine_cpu(c->machine), stepping);
        cpu_go_on(machine_cpu(c->machine));
        end = machine_run(c->machine, limits);
        cpu_stop_at_handlers(machine_cpu(c->machine), false);
        c->stopped = true;
        c->pause_at = 0;
        gdb_stopped(g, end.reason == END_PAUSED && cpu_broke(machine_cpu(c->machine))->kind ? CONTROL_BREAK
                       : stepping                                                           ? CONTROL_STEP
                                                                                            : CONTROL_ASKED);
    }
    c->stopped = true;
}

static void send_packet(struct control *c, struct gdb *g, const u8 *bytes, size_t size)
{
    char frame[4] = "";
    u8 sum = 0;

    for (size_t i = 0; i < size; i++)
        sum = (u8)(sum + bytes[i]);
    snprintf(frame, sizeof frame, "#%02x", sum);
    gdb_receive(g, (const u8 *)"$", 1);
    gdb_receive(g, bytes, size);
    gdb_receive(g, (const u8 *)frame, 3);
    go(c, g);
}

static void send_line(struct control *c, struct gdb *g, const u8 *line, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    u8 packet[1024] = "qRcmd,";
    size_t n = 6;

    if (!size || *line != '>') {
        send_packet(c, g, line, size);
        return;
    }
    for (size_t i = 1; i < size && n + 2 < sizeof packet; i++) {
        packet[n++] = (u8)digits[line[i] >> 4];
        packet[n++] = (u8)digits[line[i] & 15];
    }
    send_packet(c, g, packet, n);
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    struct control c;
    struct gdb *g;

    if (!size)
        return 0;
    if (!machine)
        machine = make();
    start(machine);
    control_init(&c, machine, &no_signal);
    g = gdb_create(&c, *bytes & 2 ? GDB_I386 : GDB_X86_64, check_sent, NULL);
    if (!g)
        fuzz_found("no memory");
    c.stopped = true;
    gdb_connected(g);
    for (size_t at = 1, n; at < size && !c.quit && !gdb_detached(g); at += n + 1) {
        if (*bytes & 1) {
            n = size - at < 64 ? size - at : 64;
            gdb_receive(g, bytes + at, n--);
            go(&c, g);
        } else {
            const u8 *end = memchr(bytes + at, '\n', size - at);

            n = end ? (size_t)(end - bytes) - at : size - at;
            send_line(&c, g, bytes + at, n);
        }
    }
    gdb_ended(g, 0);
    gdb_destroy(g);
    return 0;
}
