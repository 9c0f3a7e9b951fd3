/* SPDX-License-Identifier: MIT */
/* q and Q packets: what the stub can do, the target's description, threads, monitor commands, QEMU's extensions. */
#include <stdio.h>
#include <stdlib.h>

#include "frontend/gdb_parts.h"

static bool is(const struct gdb *g, const char *word) { return !strcmp(g->in, word); }

/* Behind `word`, or NULL if the packet does not begin so. */
static const char *behind(const struct gdb *g, const char *word)
{
    size_t n = strlen(word);

    return strncmp(g->in, word, n) == 0 ? g->in + n : NULL;
}

static void do_supported(struct gdb *g)
{
    char text[256];

    g->swbreak = strstr(g->in, "swbreak+");
    g->hwbreak = strstr(g->in, "hwbreak+");
    snprintf(text, sizeof(text),
             "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+;binary-upload+",
             GDB_PACKET);
    gdb_reply(g, text);
}

/* annex:offset,length */
static void do_features(struct gdb *g, const char *at)
{
    static const char annex[] = "target.xml:";
    u64 offset, size;

    if (strncmp(at, annex, sizeof(annex) - 1) != 0) {
        gdb_reply(g, "E00");
        return;
    }
    at += sizeof(annex) - 1;
    if (!gdb_hex(&at, &offset) || *at++ != ',' || !gdb_hex(&at, &size) || *at || offset > g->xml_size) {
        gdb_reply(g, "E01");
        return;
    }
    if (size > GDB_PACKET / 2)
        size = GDB_PACKET / 2;
    if (size > g->xml_size - offset)
        size = g->xml_size - offset;
    gdb_begin(g);
    gdb_put_text(g, offset + size < g->xml_size ? "m" : "l");
    gdb_put(g, g->xml + offset, size);
    gdb_end(g);
}

/* The command comes in hex and so goes the answer. */
static void do_monitor(struct gdb *g, const char *hex)
{
    size_t n = strlen(hex) / 2;
    char *line = calloc(1, n + 1), *answer = malloc(GDB_PACKET);
    struct text out = {answer, answer + GDB_PACKET / 2};

    if (!line || !answer || strlen(hex) % 2 || !gdb_hex_bytes(hex, (u8 *)line, n)) {
        gdb_reply(g, "E01");
    } else {
        gdb_monitor(g, line, &out);
        if (out.at == answer) {
            gdb_reply(g, "OK");
        } else {
            gdb_begin(g);
            gdb_put_hex(g, answer, (size_t)(out.at - answer));
            gdb_end(g);
        }
    }
    free(line);
    free(answer);
}

static void do_thread_info(struct gdb *g)
{
    static const char text[] = "CPU#0";

    gdb_begin(g);
    gdb_put_hex(g, text, sizeof(text) - 1);
    gdb_end(g);
}

/* QEMU's, which its users' tools send. False: none of them. Those about single steps it takes by either letter, and
 * pwndbg asks with the one that its documents do not have. */
static bool qemu_packet(struct gdb *g)
{
    const char *at;
    char text[8];
    u64 value;

    if (is(g, "qqemu.PhyMemMode")) {
        gdb_reply(g, g->physical ? "1" : "0");
    } else if ((at = behind(g, "Qqemu.PhyMemMode:"))) {
        g->physical = strcmp(at, "0") != 0;
        gdb_reply(g, "OK");
    } else if (is(g, "qqemu.sstepbits") || is(g, "Qqemu.sstepbits")) {
        gdb_reply(g, "ENABLE=1,NOIRQ=2");
    } else if (is(g, "qqemu.sstep") || is(g, "Qqemu.sstep")) {
        snprintf(text, sizeof(text), "0x%x", g->sstep);
        gdb_reply(g, text);
    } else if ((at = behind(g, "Qqemu.sstep=")) || (at = behind(g, "qqemu.sstep="))) {
        at += at[0] == '0' && at[1] == 'x' ? 2 : 0;
        if (gdb_hex(&at, &value) && !*at) {
            g->sstep = value & (GDB_SSTEP_ENABLE | GDB_SSTEP_NOIRQ); /* time passes with instructions alone */
            gdb_reply(g, "OK");
        } else {
            gdb_reply(g, "E22");
        }
    } else if (is(g, "qqemu.Supported")) {
        gdb_reply(g, "sstepbits;sstep;PhyMemMode");
    } else {
        return false;
    }
    return true;
}

void gdb_query(struct gdb *g)
{
    const char *at;

    if (is(g, "qSupported") || behind(g, "qSupported:")) {
        do_supported(g);
    } else if (is(g, "QStartNoAckMode")) {
        gdb_reply(g, "OK");
        g->no_ack = true;
    } else if ((at = behind(g, "qXfer:features:read:"))) {
        do_features(g, at);
    } else if ((at = behind(g, "qRcmd,"))) {
        do_monitor(g, at);
    } else if (is(g, "qC")) {
        gdb_reply(g, "QC1");
    } else if (is(g, "qfThreadInfo")) {
        gdb_reply(g, "m1");
    } else if (is(g, "qsThreadInfo")) {
        gdb_reply(g, "l");
    } else if (behind(g, "qThreadExtraInfo,")) {
        do_thread_info(g);
    } else if (is(g, "qAttached") || behind(g, "qAttached:")) {
        gdb_reply(g, "1");
    } else if (behind(g, "qSymbol:")) {
        gdb_reply(g, "OK");
    } else if (!qemu_packet(g)) {
        gdb_reply(g, "");
    }
}
