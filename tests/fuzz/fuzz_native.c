/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as one instruction of 64-bit user mode: executed here and, where the host can be asked, on the host; the
 * comparison is that of tests/isa/test_native.c, whose text is taken in whole, since all of it is needed but its main.
 * The input: 8 bytes to make operands from, then the instruction.
 */
int test_native_main(void);
#define main test_native_main
#include "tests/isa/test_native.c"
#undef main

#include <signal.h>

#include "tests/fuzz/fuzz.h"
#include "tests/isa/scan.h"

static struct isa_index *isa;

/* The host's signals are ours only while the host is asked: at any other time they are the fuzzer's. */
static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};
enum { SIGNALS = sizeof signals / sizeof signals[0] };
static struct sigaction asking[SIGNALS], usual[SIGNALS];

static void close_pair(void) { vm_destroy(pair_vm); }

static void open_pair(void)
{
    u64 fs, gs;
    const char *why;

    for (unsigned i = 0; i < SIGNALS; i++)
        sigaction(signals[i], NULL, &usual[i]);
    if (!pair_setup(&fs, &gs, &why)) {
        fprintf(stderr, "the host cannot be asked: %s\n", why);
        exit(EXIT_FAILURE);
    }
    for (unsigned i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &asking[i]);
        sigaction(signals[i], &usual[i], NULL);
    }
    atexit(close_pair);
    isa = pair_vm->cpu->isa;
    cases_setup(isa, &pair_vm->cpu->features, fs, gs);
    case_seed(1);
    pair_randomize(case_random);
}

/* Where displacement and immediate lie, as case_encode would say. */
static bool find_parts(struct encoding *e)
{
    const struct row *row = e->row;
    const struct op *op = &e->op;
    unsigned immediates = 0, at = 0;

    for (unsigned i = 0; i < 3; i++)
        switch (row->op[i]) {
        case OPR_Ib:
        case OPR_Ibs:
        case OPR_Jb: immediates += 1; break;
        case OPR_Iw: immediates += 2; break;
        case OPR_Iz: immediates += op->osize == 2 ? 2 : 4; break;
        case OPR_Jz: immediates += 4; break;
        case OPR_Iv: immediates += op->osize; break;
        default: break;
        }
    if (immediates > e->length)
        return false;
    e->imm_at = e->length - immediates;
    if (row->op[0] == OPR_Ob || row->op[0] == OPR_Ov || row->op[1] == OPR_Ob || row->op[1] == OPR_Ov) {
        e->disp_size = op->asize;
        e->disp_at = e->length - op->asize;
        return op->asize >= 4;
    }
    if (!op_is_mem(op))
        return true;
    for (at = 0; at < e->imm_at; at++) { /* the ModRM byte: the first that decodes to this displacement's place */
        u8 modrm = e->bytes[at], mod = modrm >> 6;
        unsigned sib = (modrm & 7) == 4, none = sib && mod == 0 && (e->bytes[at + 1] & 7) == 5;
        unsigned size = mod == 1 ? 1 : mod == 2 || none || (mod == 0 && (modrm & 7) == 5) ? 4 : 0;
        if (mod != 3 && modrm == op->modrm && at + 1 + sib + size == e->imm_at) {
            e->disp_at = at + 1 + sib;
            e->disp_size = size;
            return true;
        }
    }
    return false;
}

/*
 * FS is the host's thread pointer, which 32-bit addresses do not reach back from. REP prefixes are reserved on all but
 * string and I/O instructions (SDM Vol. 2A, "Instruction Prefixes"): Intel ignores them on LOOPcc, AMD takes their
 * condition instead of the opcode's. So what cannot be asked of an AMD host is a LOOPcc whose prefix contradicts it.
 */
static bool is_askable(struct encoding *e)
{
    struct scan s = scan_bytes(64, e->bytes);

    if (native_is_amd() &&
        ((e->row->opcode == 0xe0 && s.prefixes & PF3) || (e->row->opcode == 0xe1 && s.prefixes & PF2)))
        return false;
    return !why_skipped(e->row) && pair_host_has(e->row->feature) && !not_comparable(e) &&
           !(s.prefixes & P67 && e->op.seg >= SEG_FS) && !(s.prefixes & PMANY) && find_parts(e);
}

static void ask_both(struct encoding *e)
{
    struct case_state s;
    u64 before = failures;

    if (!case_operands(e, &s, host))
        return;
    for (unsigned i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &asking[i], NULL);
    check_case(e, &s);
    for (unsigned i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &usual[i], NULL);
    if (failures != before) {
        fflush(stdout);
        fuzz_found("the host does otherwise");
    }
}

static void ask_us(const u8 *code)
{
    struct outcome m;
    u64 gpr[16];
    u8 text[NATIVE_CASE_SIZE];

    for (unsigned i = 0; i < 16; i++)
        gpr[i] = case_random() % 3 ? NATIVE_DATA + case_random() % PAIR_WRITABLE : case_random();
    gpr[REG_RSP] = NATIVE_STACK + 0x800;
    memset(text, 0xcc, sizeof text);
    memcpy(text, code, 15);
    vm_write(pair_vm, NATIVE_CASE, text, sizeof text);
    pair_run_machine(15, gpr, 0x202, false, case_one_in(2), &m);
    vm_reset(pair_vm);
    cpu_reset(pair_vm->cpu);
    vm_reset(pair_vm);
    pair_restore();
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    enum { MODE = MODE_CODE64 | MODE_STACK32 | MODE_FLAT | MODE_FS | MODE_GS | MODE_CS };
    struct input in = {bytes, size};
    struct encoding e;

    if (!pair_vm)
        open_pair();
    memset(&e, 0, sizeof e);
    case_seed(input_take(&in, 8));
    memset(e.bytes, 0x90, sizeof e.bytes);
    input_rest(&in, e.bytes, 15);
    memset(failed, 0, sizeof failed);
    if (decode(isa, &pair_vm->cpu->features, MODE, e.bytes, 15, &e.op) == DECODE_OK && e.op.fn != op_ud) {
        e.row = &isa_rows[e.op.row];
        e.length = e.op.len;
        if (is_askable(&e)) {
            ask_both(&e);
            return 0;
        }
    }
    ask_us(e.bytes);
    return 0;
}
