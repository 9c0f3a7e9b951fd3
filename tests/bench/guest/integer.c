/* SPDX-License-Identifier: MIT */
/* Straight computation in registers and small tables. */
#include "bench.h"

/* Dependent arithmetic with a branch that is taken half of the time. */
static u32 alu(u32 count)
{
    word a = 1, b = 2, c = 3, d = 4;

    begin();
    for (u32 i = 0; i < count; i++) {
        a += b ^ i;
        b = (b << 7 | b >> (sizeof(b) * 8 - 7)) + c;
        c ^= a >> 3;
        d -= c * 5;
        if (d & 4)
            a ^= d;
        else
            b += d & 0xFF;
        c += (a & b) | d;
    }
    end();
    return (u32)(a ^ b ^ c ^ d);
}

/* ---- vm: a bytecode interpreter with a switch ---- */

enum op { OP_SET, OP_ADD, OP_SUB, OP_XOR, OP_SHIFT, OP_LOAD, OP_STORE, OP_LESS, OP_JUMP_IF, OP_COPY, OP_END };
struct instruction {
    u8 op, to, a, b;
};

static u32 vm_run(const struct instruction *program, u32 rounds)
{
    u32 r[8] = {0, 1, 0, rounds, 0, 0, 0, 0};
    static u32 memory[64];

    for (const struct instruction *pc = program;; pc++) {
        switch ((enum op)pc->op) {
        case OP_SET: r[pc->to] = pc->a; break;
        case OP_ADD: r[pc->to] = r[pc->a] + r[pc->b]; break;
        case OP_SUB: r[pc->to] = r[pc->a] - r[pc->b]; break;
        case OP_XOR: r[pc->to] = r[pc->a] ^ r[pc->b]; break;
        case OP_SHIFT: r[pc->to] = r[pc->a] >> pc->b; break;
        case OP_LOAD: r[pc->to] = memory[r[pc->a] & 63]; break;
        case OP_STORE: memory[r[pc->a] & 63] = r[pc->b]; break;
        case OP_LESS: r[pc->to] = r[pc->a] < r[pc->b]; break;
        case OP_JUMP_IF:
            if (r[pc->a])
                pc = program + pc->to - 1;
            break;
        case OP_COPY: r[pc->to] = r[pc->a]; break;
        case OP_END: return r[4];
        }
    }
}

static u32 vm(u32 count)
{
    /* r0 counts to r3 by r1; r4 gathers. */
    static const struct instruction program[] = {
        {OP_SET, 1, 1, 0}, {OP_SET, 2, 77, 0},  {OP_COPY, 5, 0, 0},    {OP_LOAD, 6, 5, 0}, {OP_ADD, 6, 6, 2},
        {OP_XOR, 2, 6, 0}, {OP_STORE, 0, 0, 2}, {OP_SHIFT, 7, 2, 3},   {OP_ADD, 4, 4, 7},  {OP_SUB, 2, 4, 0},
        {OP_ADD, 0, 0, 1}, {OP_LESS, 7, 0, 3},  {OP_JUMP_IF, 2, 7, 0}, {OP_END, 0, 0, 0},
    };
    u32 sum;

    begin();
    sum = vm_run(program, count);
    end();
    return sum;
}

/* ---- call: recursion ---- */

static u32 __attribute__((noinline)) fib(u32 n)
{
    barrier();
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static u32 call(u32 count)
{
    u32 sum = 0;

    begin();
    for (u32 i = 0; i < count; i++)
        sum += fib(18) + i;
    end();
    return sum;
}

/* ---- crc: CRC-32 by table, a byte at a time ---- */

static u32 crc_table[256];

static u32 crc(u32 count)
{
    u8 *data = (u8 *)(word)ARENA;
    u32 seed = 1, value = 0xFFFFFFFF;

    for (u32 i = 0; i < 256; i++) {
        u32 v = i;

        for (int k = 0; k < 8; k++)
            v = v & 1 ? v >> 1 ^ 0xEDB88320 : v >> 1;
        crc_table[i] = v;
    }
    for (u32 i = 0; i < 65536; i++)
        data[i] = (u8)next_random(&seed);
    begin();
    for (u32 round = 0; round < count; round++)
        for (u32 i = 0; i < 65536; i++)
            value = crc_table[(value ^ data[i]) & 255] ^ value >> 8;
    end();
    return ~value;
}

/* ---- sort: quicksort through a comparison function ---- */

enum { SORT_ITEMS = 32768 };

static int compare(const void *a, const void *b)
{
    u32 x = *(const u32 *)a, y = *(const u32 *)b;

    return x < y ? -1 : x > y;
}

static void sort_range(u32 *items, word from, word to, int (*order)(const void *, const void *))
{
    while (from < to) {
        u32 pivot = items[from + (to - from) / 2];
        word i = from, j = to;

        for (;;) {
            while (order(&items[i], &pivot) < 0)
                i++;
            while (order(&items[j], &pivot) > 0)
                j--;
            if (i >= j)
                break;
            u32 t = items[i];

            items[i++] = items[j];
            items[j--] = t;
        }
        sort_range(items, from, i > from ? i - 1 : from, order);
        from = i > from ? i : from + 1;
    }
}

static u32 sort(u32 count)
{
    int (*volatile order)(const void *, const void *) = compare;
    u32 *items = (u32 *)(word)ARENA, seed = 7, sum = 0;

    begin();
    for (u32 round = 0; round < count; round++) {
        for (u32 i = 0; i < SORT_ITEMS; i++)
            items[i] = next_random(&seed);
        sort_range(items, 0, SORT_ITEMS - 1, order);
        for (u32 i = 1; i < SORT_ITEMS; i++)
            sum = sum * 31 + items[i] + (items[i - 1] <= items[i]);
    }
    end();
    return sum;
}

/* ---- code256: 2048 functions of 128 bytes, called in an order that no cache foresees ---- */

enum { FUNCTIONS = 2048, FUNCTION_BYTES = 128, MARK = 0x5A5A5A5A };

/* Copied to its 2048 places, where the mark becomes a number; so nothing in it may depend on where it is. */
static u32 __attribute__((noinline, aligned(128))) template(u32 x, u32 y)
{
    x = (x ^ 0x1234567) + (y << 3);
    y = (y | 0x77) * 5 + (x >> 7);
    if (x & 0x10)
        x += y ^ MARK;
    else
        y -= x + 0x9003;
    x = (x << 5 | x >> 27) + y;
    y ^= x * 3 + 0xA0007;
    return (x >> 11) + (y ^ 0xF0F) + (x << 21 ^ y >> 9);
}

static void make_functions(void)
{
    const u8 *from = (const u8 *)(word) template;

    for (u32 k = 0; k < FUNCTIONS; k++) {
        u8 *to = (u8 *)(word)(ARENA + k * FUNCTION_BYTES);

        for (u32 i = 0; i < FUNCTION_BYTES; i++)
            to[i] = from[i];
        for (u32 i = 0; i <= FUNCTION_BYTES - 4; i++)
            if (*(u32 *)(to + i) == MARK)
                *(u32 *)(to + i) = k * 0x9E3779B9u;
    }
}

static u32 code256(u32 count)
{
    u32 seed = 3, sum = 0;

    make_functions();
    begin();
    for (u32 i = 0; i < count; i++) {
        word at = ARENA + (next_random(&seed) >> 4 & (FUNCTIONS - 1)) * FUNCTION_BYTES;

        sum += ((u32(*)(u32, u32))at)(sum, i);
    }
    end();
    return sum;
}

const struct workload integer_workloads[] = {
    {"alu", alu}, {"vm", vm}, {"call", call}, {"crc", crc}, {"sort", sort}, {"code256", code256}, {NULL, NULL},
};
