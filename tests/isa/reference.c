/* SPDX-License-Identifier: MIT */
#include "tests/isa/reference.h"

#include <Zydis/Zydis.h>
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned bits_index(unsigned bits) { return bits == 16 ? 0 : bits == 32 ? 1 : 2; }

/* Zydis. */

static const ZydisDecoder *zydis_decoder(unsigned bits)
{
    static const struct {
        ZydisMachineMode mode;
        ZydisStackWidth stack;
    } kinds[] = {
        {ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16},
        {ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32},
        {ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64},
    };
    static ZydisDecoder decoder[3];
    static bool ready;
    if (!ready) {
        for (unsigned i = 0; i < 3; i++) {
            ZydisDecoderInit(&decoder[i], kinds[i].mode, kinds[i].stack);
            ZydisDecoderEnableMode(&decoder[i], ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
            ZydisDecoderEnableMode(&decoder[i], ZYDIS_DECODER_MODE_CET, ZYAN_FALSE);
            ZydisDecoderEnableMode(&decoder[i], ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
        }
        ready = true;
    }
    return &decoder[bits_index(bits)];
}

/* Byte registers: AL..BL, AH..BH, SPL..DIL, R8B..R15B. */
static u8 zydis_offset(ZydisRegister reg)
{
    unsigned id = (unsigned)ZydisRegisterGetId(reg);
    if (ZydisRegisterGetClass(reg) != ZYDIS_REGCLASS_GPR8)
        return (u8)(id * 8);
    return (u8)(id < 4 ? id * 8 : id < 8 ? (id - 4) * 8 + 1 : (id - 4) * 8);
}

static bool zydis_general(ZydisRegister reg)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(reg);
    return class >= ZYDIS_REGCLASS_GPR8 && class <= ZYDIS_REGCLASS_GPR64;
}

static u8 zydis_address(ZydisRegister reg)
{
    if (reg == ZYDIS_REGISTER_NONE)
        return BASE_NONE;
    if (ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_IP)
        return BASE_IP;
    return (u8)ZydisRegisterGetId(reg);
}

static void zydis_operand(const ZydisDecodedOperand *from, struct reference_operand *to)
{
    to->bits = from->size;
    switch (from->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        to->kind = REF_REGISTER;
        to->general = zydis_general(from->reg.value);
        to->offset = to->general ? zydis_offset(from->reg.value) : 0;
        to->number = (u8)ZydisRegisterGetId(from->reg.value);
        break;
    case ZYDIS_OPERAND_TYPE_MEMORY:
        to->kind = REF_MEMORY;
        to->base = zydis_address(from->mem.base);
        to->index = zydis_address(from->mem.index);
        to->scale = (u8)(from->mem.scale > 1 ? __builtin_ctz(from->mem.scale) : 0);
        to->segment = (u8)ZydisRegisterGetId(from->mem.segment);
        to->value = from->mem.disp.has_displacement ? from->mem.disp.value : 0;
        to->write = from->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
        break;
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        to->kind = REF_IMMEDIATE;
        to->value = from->imm.value.s;
        break;
    default:
        to->kind = REF_POINTER;
        to->value = (s64)from->ptr.offset;
        to->number = (u8)from->ptr.segment;
        break;
    }
}

static enum reference_role zydis_role(const ZydisDecodedOperand *o)
{
    switch (o->encoding) {
    case ZYDIS_OPERAND_ENCODING_MODRM_RM: return ROLE_RM;
    case ZYDIS_OPERAND_ENCODING_MODRM_REG: return ROLE_REG;
    case ZYDIS_OPERAND_ENCODING_NDSNDD: return ROLE_VVVV;
    case ZYDIS_OPERAND_ENCODING_OPCODE: return ROLE_OPCODE;
    case ZYDIS_OPERAND_ENCODING_DISP16_32_64: return ROLE_RM;
    default:
        return o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE || o->type == ZYDIS_OPERAND_TYPE_POINTER ? ROLE_IMMEDIATE
                                                                                                : ROLE_OTHER;
    }
}

static void zydis_operands(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands,
                           struct reference *ref)
{
    for (unsigned i = 0; i < insn->operand_count; i++) {
        const ZydisDecodedOperand *o = &operands[i];
        enum reference_role role = zydis_role(o);
        if (role == ROLE_OTHER && o->type == ZYDIS_OPERAND_TYPE_MEMORY && zydis_address(o->mem.base) == REG_RSI) {
            ref->reads_string = true;
            ref->string_segment = (u8)ZydisRegisterGetId(o->mem.segment);
        }
        if (role == ROLE_IMMEDIATE && ref->operand[role].kind)
            role = ROLE_IMMEDIATE2;
        if (role != ROLE_OTHER && !ref->operand[role].kind)
            zydis_operand(o, &ref->operand[role]);
    }
    if (ref->operand[ROLE_RM].kind == REF_MEMORY)
        ref->memory = ref->operand[ROLE_RM];
}

void zydis_decode(unsigned bits, const u8 *bytes, unsigned size, struct reference *ref)
{
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    memset(ref, 0, sizeof *ref);
    ref->name = "", ref->set = "";
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(zydis_decoder(bits), bytes, size, &insn, operands)))
        return;
    ref->valid = true;
    ref->length = insn.length;
    ref->name = ZydisMnemonicGetString(insn.mnemonic);
    ref->set = ZydisISASetGetString(insn.meta.isa_set);
    ref->address_bits = insn.address_width;
    zydis_operands(&insn, operands, ref);
}

/* capstone. */

static u8 capstone_address(unsigned reg)
{
    static const u16 numbers[3][16] = {
        {X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP, X86_REG_SI, X86_REG_DI},
        {X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP, X86_REG_ESI, X86_REG_EDI,
         X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D, X86_REG_R12D, X86_REG_R13D, X86_REG_R14D, X86_REG_R15D},
        {X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI,
         X86_REG_R8, X86_REG_R9, X86_REG_R10, X86_REG_R11, X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15},
    };
    if (reg == X86_REG_RIP || reg == X86_REG_EIP)
        return BASE_IP;
    for (unsigned width = 0; width < 3; width++)
        for (unsigned i = 0; i < 16; i++)
            if (reg && reg == numbers[width][i])
                return (u8)i;
    return BASE_NONE; /* RIZ and EIZ too: no index */
}

static void capstone_memory(const cs_x86 *x86, struct reference *ref)
{
    for (unsigned i = 0; i < x86->op_count; i++) {
        const cs_x86_op *o = &x86->operands[i];
        if (o->type != X86_OP_MEM)
            continue;
        ref->memory =
            (struct reference_operand){.kind = REF_MEMORY,
                                       .bits = (u16)(o->size * 8),
                                       .base = capstone_address(o->mem.base),
                                       .index = capstone_address(o->mem.index),
                                       .scale = (u8)(o->mem.scale > 1 ? __builtin_ctz((unsigned)o->mem.scale) : 0),
                                       .value = o->mem.disp};
        return;
    }
}

struct capstone {
    csh handle;
    cs_insn *insn;
};

static struct capstone capstones[3][2];

static struct capstone *capstone_for(unsigned bits, bool details)
{
    static const cs_mode modes[] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};
    struct capstone *c = &capstones[bits_index(bits)][details];
    if (c->insn)
        return c;
    if (cs_open(CS_ARCH_X86, modes[bits_index(bits)], &c->handle) != CS_ERR_OK) {
        fprintf(stderr, "capstone does not open\n");
        abort();
    }
    cs_option(c->handle, CS_OPT_DETAIL, details ? CS_OPT_ON : CS_OPT_OFF);
    c->insn = cs_malloc(c->handle);
    return c;
}

void capstone_decode(unsigned bits, const u8 *bytes, unsigned size, bool details, struct reference *ref)
{
    struct capstone *c = capstone_for(bits, details);
    const u8 *code = bytes;
    size_t left = size;
    uint64_t address = 0;
    memset(ref, 0, sizeof *ref);
    ref->name = "", ref->set = "";
    if (!cs_disasm_iter(c->handle, &code, &left, &address, c->insn))
        return;
    ref->valid = true;
    ref->length = (u8)c->insn->size;
    ref->name = c->insn->mnemonic;
    if (details) {
        ref->address_bits = (u8)(c->insn->detail->x86.addr_size * 8);
        capstone_memory(&c->insn->detail->x86, ref);
    }
}

void reference_close(void)
{
    for (unsigned i = 0; i < 6; i++) {
        struct capstone *c = &capstones[i / 2][i % 2];
        if (!c->insn)
            continue;
        cs_free(c->insn, 1);
        cs_close(&c->handle);
    }
}
