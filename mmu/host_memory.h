/* SPDX-License-Identifier: MIT */
/* Large pieces of host memory of which a machine may come to use all, or next to nothing. */
#ifndef FAULTLINE_MMU_HOST_MEMORY_H
#define FAULTLINE_MMU_HOST_MEMORY_H

#include <stddef.h>

/*
 * `size` bytes of zeros, page-aligned; the host has none of them before they are touched, and does not promise that it
 * will. Beyond the first few MiB it is asked for large pages: a guest that uses much spares it page faults and TLB
 * misses of its own, one that uses little takes little. NULL if the host refuses the address space.
 */
void *host_reserve(size_t size);
void host_release(void *, size_t size); /* NULL will do */

/* `size` bytes that will all be used soon, as malloc() gives them, and free() takes them; in large pages, if that many. */
void *host_alloc(size_t size);

#endif
