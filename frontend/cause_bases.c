/* SPDX-License-Identifier: MIT */
/* SDM "SWAPGS": it is executed once on the way in from CPL 3, and once on the way out; never between. */
#include "frontend/cause.h"
#include "frontend/delivery.h"

#define INSTRUCTION_MOST 15u

void causes_event(struct causes *c, struct cpu *cpu, const struct cpu_event *ev)
{
    c->entered = cpu_cpl(cpu) < 3;
    if (c->entered) {
        c->entry = *ev;
        cpu_gs_bases(cpu, &c->entry_gs, &c->entry_other);
    } else {
        c->user_known = true;
        cpu_gs_bases(cpu, &c->user_gs, &c->user_other);
    }
}

/* After MOV to CR3, which handlers may execute, nobody has returned; unless it loads the address that was there, which
 * looks like an IRET, and then a delivery is forgotten. */
void causes_resume(struct causes *c, struct cpu *cpu)
{
    if (causes_cr3(c, cpu))
        return;
    c->entered = false;
    if (cpu_cpl(cpu) < 3)
        return;
    c->user_known = true;
    c->user_icount = cpu_icount(cpu);
    cpu_gs_bases(cpu, &c->user_gs, &c->user_other);
}

/* Of the prefixes FS and GS the last counts; the others of segments do nothing in 64-bit mode. */
static bool uses_gs(struct cpu *cpu, u64 rip)
{
    u8 bytes[INSTRUCTION_MOST], last = 0;
    size_t n = cpu_peek(cpu, rip, bytes, sizeof(bytes));

    for (size_t i = 0; i < n; i++) {
        switch (bytes[i]) {
        case 0x64:
        case 0x65: last = bytes[i]; break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x66:
        case 0x67:
        case 0xf0:
        case 0xf2:
        case 0xf3: break;
        default: return last == 0x65;
        }
    }
    return false;
}

/* Would the access be allowed with the other base? */
static bool is_allowed(struct cpu *cpu, u64 la, const struct access *a)
{
    return is_canonical(cpu_paging(cpu), la) && cpu_walk(cpu, la, *a).cause == CAUSE_NONE;
}

bool cause_bases(struct text *t, const struct causes *c, struct cpu *cpu, u64 la, const struct access *a)
{
    bool twice, missing;
    struct cpu_state s;
    u64 base, other;

    if (a->implicit != IMPLICIT_NONE || a->kind == ACCESS_EXECUTE || cpu_mode(cpu) != MODE_LONG64 || cpu_cpl(cpu))
        return false;
    cpu_gs_bases(cpu, &base, &other);
    twice = c->entered && c->entry_gs == other && c->entry_other == base;
    missing = c->user_known && c->user_gs == base && c->user_other == other;
    if (base == other || !(twice || missing))
        return false;
    cpu_get_state(cpu, &s);
    if (!uses_gs(cpu, s.rip) || !is_allowed(cpu, la - base + other, a))
        return false;
    if (twice) {
        text_string(t, "one SWAPGS too many: ");
        delivery_name(t, &c->entry);
        text_string(t, " came at CPL 0, with GS base ");
        text_hex(t, other);
        text_string(t, ", which allows this access, and now it is ");
        text_hex(t, base);
        return true;
    }
    text_string(t, "SWAPGS is missing: GS base is the user's, ");
    text_hex(t, base);
    text_string(t, "; IA32_KERNEL_GS_BASE, ");
    text_hex(t, other);
    text_string(t, ", allows this access");
    return true;
}
