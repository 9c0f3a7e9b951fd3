/* SPDX-License-Identifier: MIT */
#include "mmu/host_memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#define LARGE_PAGE (2u << 20) /* of x86-64 hosts */

void *host_reserve(size_t size)
{
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (size > LARGE_PAGE)
        madvise(p + LARGE_PAGE, size - LARGE_PAGE, MADV_HUGEPAGE); /* without them it works as well */
    return p;
}

void host_release(void *p, size_t size)
{
    if (p)
        munmap(p, size);
}

void *host_alloc(size_t size)
{
    void *p;

    if (size < LARGE_PAGE)
        return malloc(size);
    size = (size + LARGE_PAGE - 1) & ~(size_t)(LARGE_PAGE - 1);
    if (!size || posix_memalign(&p, LARGE_PAGE, size) != 0)
        return NULL;
    madvise(p, size, MADV_HUGEPAGE);
    return p;
}
