/* SPDX-License-Identifier: MIT */
/* A thousand machines in one process, one after the other, a million instructions each: none leaves anything behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bios/boot.h"
#include "bios/demo/demo_image.h"

enum { MACHINES = 1000, WARM = 20, INSTRUCTIONS = 1000000, RAM = 8 << 20, SLACK_PAGES = 2048 };

/* Pages of this process that are in memory, and of its address space. */
static bool measure(long *resident, long *space)
{
    FILE *f = fopen("/proc/self/statm", "r");
    bool ok = f && fscanf(f, "%ld %ld", space, resident) == 2;

    if (f)
        fclose(f);
    return ok;
}

static bool one(unsigned n)
{
    struct boot_config boot = {.kernel = "demo", .text_screen = true};
    struct machine_config config = {.ram_bytes = RAM, .seed = n};
    struct machine_end end;
    char why[256] = "";
    struct machine *m = machine_create(&config, why, sizeof(why));

    boot.image = demo_image;
    boot.image_size = demo_image_size;
    if (!m || !boot_load(m, &boot, why, sizeof(why))) {
        fprintf(stderr, "machine %u: %s\n", n, why);
        machine_destroy(m);
        return false;
    }
    end = machine_run(m, (struct machine_limits){.max_instructions = INSTRUCTIONS});
    machine_destroy(m);
    if (end.reason != END_BUDGET || end.icount != INSTRUCTIONS)
        fprintf(stderr, "machine %u: %s after %llu\n", n, machine_end_text(end.reason), (unsigned long long)end.icount);
    return end.reason == END_BUDGET && end.icount == INSTRUCTIONS;
}

int main(void)
{
    long resident = 0, space = 0, resident_after = 0, space_after = 0;
    unsigned good = 0;
    clock_t begun = clock();
    double seconds;

    for (unsigned n = 0; n < MACHINES; n++) {
        if (n == WARM && !measure(&resident, &space))
            return EXIT_FAILURE;
        good += one(n);
    }
    measure(&resident_after, &space_after);
    seconds = (double)(clock() - begun) / CLOCKS_PER_SEC;
    printf("## %u machines in %.1f s of processor time; memory grew by %ld pages, address space by %ld\n", good,
           seconds, resident_after - resident, space_after - space);
#ifndef __SANITIZE_ADDRESS__ /* whose quarantine grows, and which finds leaks itself */
    if (resident_after - resident > SLACK_PAGES || space_after - space > SLACK_PAGES || seconds > 60)
        good = 0;
#endif
    printf("%d passed, %d failed\n", good == MACHINES, good != MACHINES);
    return good == MACHINES ? EXIT_SUCCESS : EXIT_FAILURE;
}
