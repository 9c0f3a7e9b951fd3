/* SPDX-License-Identifier: MIT */
#include "tests/atomic/guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned passed, failed;

void expect(const char *what, u64 got, u64 wanted)
{
    if (got == wanted) {
        passed++;
        return;
    }
    failed++;
    printf("not ok: %s: %" PRIx64 ", not %" PRIx64 "\n", what, got, wanted);
}

int expect_sum(void)
{
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

struct vm *guest(enum vm_mode mode, const u8 *code, unsigned size)
{
    struct vm *vm = vm_create(mode, NULL);

    vm_code(vm, code, size);
    return vm;
}

void guest_run(struct vm *vm, u64 n)
{
    vm_reset(vm);
    vm_run(vm, n);
}

struct cpu_state guest_state(struct vm *vm)
{
    struct cpu_state s;

    cpu_get_state(vm->cpu, &s);
    return s;
}

unsigned guest_vector(const struct vm *vm) { return vm->raised ? vm->event.vector : NO_EXCEPTION; }

static void say(char *text, size_t size, const char *what, const char *which)
{
    snprintf(text, size, "%s: %s", what, which);
}

void expect_raised(const char *what, struct vm *vm, unsigned vector, u32 error, u64 rip_offset)
{
    char text[200];

    say(text, sizeof text, what, "vector");
    expect(text, guest_vector(vm), vector);
    if (guest_vector(vm) != vector)
        return;
    say(text, sizeof text, what, "error code");
    expect(text, vm->event.has_error ? vm->event.error : 0, error);
    say(text, sizeof text, what, "RIP");
    expect(text, vm->at_event.rip - vm->start.rip, rip_offset);
}

void expect_page_fault(const char *what, struct vm *vm, u32 error, u64 cr2, u64 rip_offset)
{
    char text[200];

    expect_raised(what, vm, 14, error, rip_offset);
    if (guest_vector(vm) != 14)
        return;
    say(text, sizeof text, what, "CR2");
    expect(text, vm->at_event.cr2, cr2);
}

void expect_nothing_raised(const char *what, struct vm *vm) { expect(what, guest_vector(vm), NO_EXCEPTION); }
