/* SPDX-License-Identifier: MIT */
#include "frontend/gdb_target.h"

#include <stdio.h>
#include <string.h>

#define CR0_WRITABLE 0x6005002eull /* CD NW AM WP NE TS EM MP */
#define CR4_PAE BIT(5)
#define CR4_WRITABLE 0x310fdcull /* TSD DE PSE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP FSGSBASE SMEP SMAP */
#define EFER_LMA BIT(10)
#define EFER_WRITABLE (BIT(0) | BIT(11)) /* SCE NXE */
#define FLAGS_WRITABLE 0x3d7fd5ull       /* all but VM */
#define FLAG_VM BIT(17)
#define CR0_PE BIT(0)
#define CR0_PG BIT(31)

enum feature { FEATURE_CORE, FEATURE_SSE, FEATURE_SEGMENTS, FEATURE_SYSTEM, FEATURES };

enum kind {
    KIND_GPR,
    KIND_RIP,
    KIND_FLAGS,
    KIND_SELECTOR,
    KIND_ST,
    KIND_FPU,
    KIND_XMM,
    KIND_MXCSR,
    KIND_BASE,
    KIND_KERNEL_GS_BASE,
    KIND_CR,
    KIND_EFER,
    KIND_XCR0,
    KIND_PKRU,
    KIND_DR,
    KIND_TABLE_BASE,
    KIND_TABLE_LIMIT,
    KIND_IP,
};

/* ---- The list ---- */

static void add(struct target *t, enum feature feature, const char *name, const char *type, unsigned bytes,
                enum kind kind, unsigned index)
{
    t->reg[t->count++] = (struct target_register){
        .name = name, .type = type, .bytes = (u8)bytes, .feature = (u8)feature, .kind = (u8)kind, .index = (u8)index};
    t->size += bytes;
}

static void add_general(struct target *t)
{
    static const char *const wide[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                       "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    static const u8 wide_order[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP, REG_RSP};
    static const char *const narrow[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};

    for (unsigned i = 0; i < (t->narrow ? 8u : 16u); i++) {
        unsigned reg = t->narrow || i >= 8 ? i : wide_order[i];
        bool pointer = reg == REG_RSP || reg == REG_RBP;

        if (t->narrow)
            add(t, FEATURE_CORE, narrow[i], pointer ? "data_ptr" : "int32", 4, KIND_GPR, reg);
        else
            add(t, FEATURE_CORE, wide[i], pointer ? "data_ptr" : "int64", 8, KIND_GPR, reg);
    }
    add(t, FEATURE_CORE, t->narrow ? "eip" : "rip", "code_ptr", t->narrow ? 4 : 8, KIND_RIP, 0);
    add(t, FEATURE_CORE, "eflags", "i386_eflags", 4, KIND_FLAGS, 0);
}

static const u8 segment_order[] = {SEG_CS, SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS};

static void add_float(struct target *t)
{
    static const char *const st[] = {"st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7"};
    static const char *const fpu[] = {"fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop"};
    static const char *const xmm[] = {"xmm0", "xmm1", "xmm2",  "xmm3",  "xmm4",  "xmm5",  "xmm6",  "xmm7",
                                      "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"};

    for (unsigned i = 0; i < 8; i++)
        add(t, FEATURE_CORE, st[i], "i387_ext", 10, KIND_ST, i);
    for (unsigned i = 0; i < 8; i++)
        add(t, FEATURE_CORE, fpu[i], "int", 4, KIND_FPU, i);
    for (unsigned i = 0; i < (t->narrow ? 8u : 16u); i++)
        add(t, FEATURE_SSE, xmm[i], "vec128", 16, KIND_XMM, i);
    add(t, FEATURE_SSE, "mxcsr", "i386_mxcsr", 4, KIND_MXCSR, 0);
}

static void add_system(struct target *t)
{
    static const char *const cr[] = {"cr0", "cr2", "cr3", "cr4", "cr8"};
    static const u8 cr_order[] = {0, 2, 3, 4, 8};
    static const char *const dr[] = {"dr0", "dr1", "dr2", "dr3", "dr6", "dr7"};
    static const u8 dr_order[] = {0, 1, 2, 3, 6, 7};
    static const char *const base[] = {"cs_base", "ss_base", "ds_base", "es_base"};
    const char *word = t->narrow ? "int32" : "int64";
    unsigned size = t->narrow ? 4 : 8;
    enum feature bases = t->narrow ? FEATURE_SYSTEM : FEATURE_SEGMENTS; /* i386 has no such feature */

    add(t, bases, "fs_base", word, size, KIND_BASE, SEG_FS);
    add(t, bases, "gs_base", word, size, KIND_BASE, SEG_GS);
    add(t, FEATURE_SYSTEM, "k_gs_base", word, size, KIND_KERNEL_GS_BASE, 0);
    for (unsigned i = 0; i < 5; i++)
        add(t, FEATURE_SYSTEM, cr[i], word, size, KIND_CR, cr_order[i]);
    add(t, FEATURE_SYSTEM, "efer", word, size, KIND_EFER, 0);
    add(t, FEATURE_SYSTEM, "xcr0", word, size, KIND_XCR0, 0);
    add(t, FEATURE_SYSTEM, "pkru", "int32", 4, KIND_PKRU, 0);
    for (unsigned i = 0; i < 6; i++)
        add(t, FEATURE_SYSTEM, dr[i], word, size, KIND_DR, dr_order[i]);
    add(t, FEATURE_SYSTEM, "ip", word, size, KIND_IP, 0);
    for (unsigned i = 0; i < 4; i++)
        add(t, FEATURE_SYSTEM, base[i], word, size, KIND_BASE, segment_order[i]);
    add(t, FEATURE_SYSTEM, "ldtr", "int32", 4, KIND_SELECTOR, SEG_LDTR);
    add(t, FEATURE_SYSTEM, "tr", "int32", 4, KIND_SELECTOR, SEG_TR);
    add(t, FEATURE_SYSTEM, "ldtr_base", word, size, KIND_BASE, SEG_LDTR);
    add(t, FEATURE_SYSTEM, "tr_base", word, size, KIND_BASE, SEG_TR);
    add(t, FEATURE_SYSTEM, "gdtr_base", word, size, KIND_TABLE_BASE, 0);
    add(t, FEATURE_SYSTEM, "gdtr_limit", "int32", 4, KIND_TABLE_LIMIT, 0);
    add(t, FEATURE_SYSTEM, "idtr_base", word, size, KIND_TABLE_BASE, 1);
    add(t, FEATURE_SYSTEM, "idtr_limit", "int32", 4, KIND_TABLE_LIMIT, 1);
}

void target_init(struct target *t, enum gdb_arch arch)
{
    static const char *const segment[] = {"cs", "ss", "ds", "es", "fs", "gs"};

    *t = (struct target){.arch = arch, .narrow = arch != GDB_X86_64};
    add_general(t);
    for (unsigned i = 0; i < 6; i++)
        add(t, FEATURE_CORE, segment[i], "int32", 4, KIND_SELECTOR, segment_order[i]);
    add_float(t);
    add_system(t);
}

/* ---- The description ---- */

static void describe_flags(struct text *out, const char *id, const char *const *names)
{
    char line[96];

    snprintf(line, sizeof(line), "<flags id=\"%s\" size=\"4\">", id);
    text_string(out, line);
    for (unsigned bit = 0; names[bit]; bit++) {
        if (!*names[bit])
            continue;
        unsigned last = bit;

        while (names[last + 1] && !strcmp(names[last + 1], names[bit]))
            last++;
        snprintf(line, sizeof(line), "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", names[bit], bit, last);
        text_string(out, line);
        bit = last;
    }
    text_string(out, "</flags>\n");
}

static void describe_types(struct text *out, enum feature f)
{
    static const char *const eflags[] = {"CF",   "",     "PF", "", "AF", "",   "ZF", "SF",  "TF",  "IF", "DF", "OF",
                                         "IOPL", "IOPL", "NT", "", "RF", "VM", "AC", "VIF", "VIP", "ID", NULL};
    static const char *const mxcsr[] = {"IE", "DE", "ZE", "OE", "UE", "PE", "DAZ", "IM", "DM",
                                        "ZM", "OM", "UM", "PM", "RC", "RC", "FZ",  NULL};

    if (f == FEATURE_CORE)
        describe_flags(out, "i386_eflags", eflags);
    if (f != FEATURE_SSE)
        return;
    text_string(out, "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>\n"
                     "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>\n"
                     "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>\n"
                     "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>\n"
                     "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>\n"
                     "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>\n"
                     "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
                     "<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"
                     "<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
                     "<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" type=\"uint128\"/></union>\n");
    describe_flags(out, "i386_mxcsr", mxcsr);
}

void target_describe(const struct target *t, struct text *out)
{
    static const char *const feature[] = {"org.gnu.gdb.i386.core", "org.gnu.gdb.i386.sse", "org.gnu.gdb.i386.segments",
                                          "org.faultline.i386.system"};
    static const char *const architecture[] = {"i386:x86-64", "i386", "i8086"};
    char line[160];

    text_string(out, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n");
    snprintf(line, sizeof(line), "<architecture>%s</architecture>\n", architecture[t->arch]);
    text_string(out, line);
    for (unsigned i = 0; i < t->count; i++) {
        const struct target_register *r = &t->reg[i];

        if (!i || r->feature != t->reg[i - 1].feature) {
            snprintf(line, sizeof(line), "%s<feature name=\"%s\">\n", i ? "</feature>\n" : "", feature[r->feature]);
            text_string(out, line);
            describe_types(out, r->feature);
        }
        snprintf(line, sizeof(line), "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"%s/>\n", r->name, 8u * r->bytes,
                 r->type,
                 r->kind == KIND_FPU            ? " group=\"float\""
                 : r->feature == FEATURE_SYSTEM ? " group=\"system\""
                                                : "");
        text_string(out, line);
    }
    text_string(out, "</feature>\n</target>\n");
}

/* ---- Values ---- */

void target_look(struct target_view *v, struct cpu *cpu)
{
    v->cpu = cpu;
    v->state_changed = v->fp_changed = false;
    cpu_get_state(cpu, &v->state);
    cpu_get_float_state(cpu, &v->fp);
}

/* What rip is more than RIP. */
static u64 code_base(const struct target_view *v)
{
    return cpu_mode(v->cpu) == MODE_LONG64 ? 0 : v->state.seg[SEG_CS].base;
}

static u64 linear_rip(const struct target_view *v)
{
    return cpu_mode(v->cpu) == MODE_LONG64 ? v->state.rip : (u32)(v->state.rip + code_base(v));
}

static u64 fpu_word(const struct cpu_float_state *fp, unsigned index)
{
    const u64 word[] = {fp->control,     fp->status,       fp->tag,         fp->code_segment,
                        fp->code_offset, fp->data_segment, fp->data_offset, fp->opcode};

    return word[index];
}

static u64 control(const struct cpu_state *s, unsigned n)
{
    return n == 0 ? s->cr0 : n == 2 ? s->cr2 : n == 3 ? s->cr3 : n == 4 ? s->cr4 : s->cr8;
}

static u64 plain(const struct target_view *v, const struct target_register *r)
{
    const struct cpu_state *s = &v->state;

    switch (r->kind) {
    case KIND_GPR: return s->gpr[r->index];
    case KIND_RIP: return linear_rip(v);
    case KIND_IP: return s->rip;
    case KIND_FLAGS: return s->rflags;
    case KIND_SELECTOR: return s->seg[r->index].selector;
    case KIND_BASE: return s->seg[r->index].base;
    case KIND_FPU: return fpu_word(&v->fp, r->index);
    case KIND_MXCSR: return v->fp.mxcsr;
    case KIND_KERNEL_GS_BASE: return v->fp.kernel_gs_base;
    case KIND_CR: return control(s, r->index);
    case KIND_EFER: return s->efer;
    case KIND_XCR0: return s->xcr0;
    case KIND_PKRU: return s->pkru;
    case KIND_DR: return s->dr[r->index];
    case KIND_TABLE_BASE: return r->index ? s->idt_base : s->gdt_base;
    default: return r->index ? s->idt_limit : s->gdt_limit;
    }
}

static void store(u8 *to, u64 value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (u8)(value >> (8 * i));
}

static u64 fetch(const u8 *from, unsigned bytes)
{
    u64 value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (u64)from[i] << (8 * i);
    return value;
}

void target_read(const struct target *t, const struct target_view *v, unsigned n, u8 value[TARGET_VALUE])
{
    const struct target_register *r = &t->reg[n];

    if (r->kind == KIND_XMM) {
        memcpy(value, v->fp.xmm[r->index], 16);
    } else if (r->kind == KIND_ST) {
        store(value, v->fp.st[r->index].mantissa, 8);
        store(value + 8, v->fp.st[r->index].exponent, 2);
    } else {
        store(value, plain(v, r), r->bytes < 8 ? r->bytes : 8);
    }
}

/* ---- Changes ---- */

/* Real-address and virtual-8086 mode: a selector is its base. Elsewhere it would have to be loaded, with all checks. */
static bool write_selector(struct target_view *v, unsigned seg, u64 value)
{
    struct cpu_state *s = &v->state;

    if (seg > SEG_GS || ((s->cr0 & CR0_PE) && !(s->rflags & FLAG_VM)) || value > 0xffff)
        return false;
    s->seg[seg].selector = (u16)value;
    s->seg[seg].base = value << 4;
    return true;
}

static bool write_bits(u64 *to, u64 value, u64 writable)
{
    if ((*to ^ value) & ~writable)
        return false;
    *to = value;
    return true;
}

static bool write_control(struct cpu_state *s, unsigned n, u64 value)
{
    bool pae = s->cr0 & CR0_PG && s->cr4 & CR4_PAE && !(s->efer & EFER_LMA);

    switch (n) {
    case 0: return write_bits(&s->cr0, value, CR0_WRITABLE);
    case 2: s->cr2 = value; return true;
    case 3: return !pae && write_bits(&s->cr3, value, s->efer & EFER_LMA ? BITS(51, 0) : 0xffffffff);
    case 4: return write_bits(&s->cr4, value, CR4_WRITABLE);
    default: return write_bits(&s->cr8, value, 0xf);
    }
}

static bool write_fpu(struct cpu_float_state *fp, unsigned index, u64 value)
{
    switch (index) {
    case 0: fp->control = (u16)value; break;
    case 1: fp->status = (u16)value; break;
    case 2: fp->tag = (u16)value; break;
    case 3: fp->code_segment = (u16)value; break;
    case 4: fp->code_offset = (fp->code_offset & ~0xffffffffull) | (u32)value; break;
    case 5: fp->data_segment = (u16)value; break;
    case 6: fp->data_offset = (fp->data_offset & ~0xffffffffull) | (u32)value; break;
    default: fp->opcode = (u16)value; break;
    }
    return true;
}

/* FS and GS can have any base in 64-bit mode. Others follow from descriptors, or selectors. */
static bool write_base(struct target_view *v, unsigned seg, u64 value)
{
    if ((seg != SEG_FS && seg != SEG_GS) || cpu_mode(v->cpu) != MODE_LONG64)
        return false;
    v->state.seg[seg].base = value;
    return true;
}

static bool write_debug(struct cpu_state *s, unsigned n, u64 value)
{
    if (n == 6)
        return write_bits(&s->dr[6], value, 0xe00f);
    return write_bits(&s->dr[n], value, n == 7 ? 0xffff23ffull : ~0ull);
}

static bool write_float(struct target_view *v, const struct target_register *r, const u8 *value)
{
    u64 x = fetch(value, r->bytes < 8 ? r->bytes : 8);

    v->fp_changed = true;
    switch (r->kind) {
    case KIND_XMM: memcpy(v->fp.xmm[r->index], value, 16); return true;
    case KIND_ST:
        v->fp.st[r->index].mantissa = x;
        v->fp.st[r->index].exponent = (u16)fetch(value + 8, 2);
        return true;
    case KIND_FPU: return write_fpu(&v->fp, r->index, x);
    case KIND_MXCSR: v->fp.mxcsr = (u32)x; return x <= 0xffff;
    case KIND_KERNEL_GS_BASE: v->fp.kernel_gs_base = x; return true;
    default: return false;
    }
}

/* The upper half of what an i386 shows half of stays. */
static u64 widened(const struct target *t, const struct target_view *v, unsigned n, u64 x)
{
    const struct target_register *r = &t->reg[n];

    return t->narrow && r->bytes == 4 && r->kind != KIND_RIP ? (plain(v, r) & ~0xffffffffull) | x : x;
}

static bool write_plain(const struct target *t, struct target_view *v, unsigned n, u64 x)
{
    const struct target_register *r = &t->reg[n];
    struct cpu_state *s = &v->state;

    v->state_changed = true;
    switch (r->kind) {
    case KIND_GPR: s->gpr[r->index] = x; return true;
    case KIND_RIP: s->rip = cpu_mode(v->cpu) == MODE_LONG64 ? x : (u32)(x - code_base(v)); return true;
    case KIND_IP: s->rip = x; return true;
    case KIND_FLAGS: return write_bits(&s->rflags, x, FLAGS_WRITABLE);
    case KIND_SELECTOR: return write_selector(v, r->index, x);
    case KIND_BASE: return write_base(v, r->index, x);
    case KIND_CR: return write_control(s, r->index, x);
    case KIND_EFER: return write_bits(&s->efer, x, EFER_WRITABLE);
    case KIND_PKRU: s->pkru = (u32)x; return true;
    case KIND_DR: return write_debug(s, r->index, x);
    default: return false;
    }
}

bool target_write(const struct target *t, struct target_view *v, unsigned n, const u8 value[TARGET_VALUE])
{
    const struct target_register *r = &t->reg[n];
    struct target_view before = *v;
    u8 old[TARGET_VALUE];
    bool fp = r->kind == KIND_XMM || r->kind == KIND_ST || r->kind == KIND_FPU || r->kind == KIND_MXCSR ||
              r->kind == KIND_KERNEL_GS_BASE;

    target_read(t, v, n, old);
    if (!memcmp(old, value, r->bytes))
        return true;
    if (fp ? write_float(v, r, value) : write_plain(t, v, n, widened(t, v, n, fetch(value, r->bytes))))
        return true;
    *v = before;
    return false;
}

void target_commit(struct target_view *v)
{
    if (v->state_changed)
        cpu_set_registers(v->cpu, &v->state);
    if (v->fp_changed)
        cpu_set_float_state(v->cpu, &v->fp);
    v->state_changed = v->fp_changed = false;
}
