/* SPDX-License-Identifier: MIT */
/*
 * Raising exceptions: recorded in the CPU, delivered by the run loop (SDM Vol. 3A, "Exception and Interrupt
 * Reference").
 */
#include "cpu/fault.h"

#include "cpu/interrupt.h"

/* RIP as the fault's handler will find it. */
static void sync_rip(struct cpu *cpu)
{
    run_sync(cpu);
    if (unlikely(cpu->switched))
        cpu->rip = cpu->next_rip;
}

_Noreturn void raise_event(struct cpu *cpu, struct cpu_event event)
{
    sync_rip(cpu);
    cpu->switched = false;
    cpu->event = event;
    longjmp(cpu->landing, 1);
}

_Noreturn void freeze(struct cpu *cpu)
{
    sync_rip(cpu);
    cpu->halted = HALTED_X87;
    longjmp(cpu->landing, 1);
}

static _Noreturn void raise_plain(struct cpu *cpu, u8 vector)
{
    raise_event(cpu, (struct cpu_event){.vector = vector, .kind = EVENT_FAULT});
}

static _Noreturn void raise_with(struct cpu *cpu, u8 vector, u32 error)
{
    raise_event(cpu, (struct cpu_event){.vector = vector, .has_error = true, .error = error, .kind = EVENT_FAULT});
}

/*
 * SDM "Error Code", EXT: the exception occurred during delivery of an event external to the program, such as an
 * interrupt or an earlier exception; not during that of INT n, INT3 or INTO. (INT1 counts as external.)
 */
static u32 external(const struct cpu *cpu) { return cpu->delivering >= 0 && event_first(cpu)->kind != EVENT_SOFTWARE; }

_Noreturn void raise_de(struct cpu *cpu) { raise_plain(cpu, VEC_DE); }
_Noreturn void raise_ud(struct cpu *cpu) { raise_plain(cpu, VEC_UD); }
_Noreturn void raise_nm(struct cpu *cpu) { raise_plain(cpu, VEC_NM); }
_Noreturn void raise_br(struct cpu *cpu) { raise_plain(cpu, VEC_BR); }
_Noreturn void raise_mf(struct cpu *cpu) { raise_plain(cpu, VEC_MF); }
_Noreturn void raise_xm(struct cpu *cpu) { raise_plain(cpu, VEC_XM); }
_Noreturn void raise_ac(struct cpu *cpu) { raise_with(cpu, VEC_AC, 0); }
_Noreturn void raise_ts(struct cpu *cpu, u32 error) { raise_with(cpu, VEC_TS, error | external(cpu)); }
_Noreturn void raise_np(struct cpu *cpu, u32 error) { raise_with(cpu, VEC_NP, error | external(cpu)); }
_Noreturn void raise_ss(struct cpu *cpu, u32 error) { raise_with(cpu, VEC_SS, error | external(cpu)); }
_Noreturn void raise_gp(struct cpu *cpu, u32 error) { raise_with(cpu, VEC_GP, error | external(cpu)); }

/* The DR6 bits travel in `error`, so that delivery can tell an instruction breakpoint, which does not push RF = 1. */
_Noreturn void raise_db_fault(struct cpu *cpu, u64 dr6_bits)
{
    debug_record(cpu, dr6_bits);
    raise_event(cpu, (struct cpu_event){.vector = VEC_DB, .error = (u32)dr6_bits, .kind = EVENT_FAULT});
}

_Noreturn void raise_pf(struct cpu *cpu, u64 la, const struct access *access, const struct walk *walk)
{
    cpu->stats.page_faults++;
    cpu->cr2 = la;
    raise_event(cpu, (struct cpu_event){.vector = VEC_PF,
                                        .has_error = true,
                                        .error = walk->error,
                                        .cr2 = la,
                                        .access = *access,
                                        .kind = EVENT_FAULT});
}

_Noreturn void raise_pf_told(struct cpu *cpu, u64 la, unsigned width, const struct access *access,
                             const struct walk *walk)
{
    sync_rip(cpu);
    if (cpu->observer.page_fault)
        cpu->observer.page_fault(cpu->observer.ctx, cpu, la, width, access, walk, cpu->delivering);
    raise_pf(cpu, la, access, walk);
}
