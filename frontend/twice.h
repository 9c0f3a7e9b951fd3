/* SPDX-License-Identifier: MIT */
/* --who: the run is made twice. The first time, silently, every page that is ever used as a table is noted; the second
 * time they are watched from reset on, and so it is known who wrote each entry. Both are the same run, for nothing in
 * it is by chance. */
#ifndef FAULTLINE_FRONTEND_TWICE_H
#define FAULTLINE_FRONTEND_TWICE_H

#include "frontend/options.h"

#define TWICE_PAGES (1ull << 23) /* of 4 KiB: physical memory below 32 GiB */

/* The first run, in a process of its own. Afterwards o->who_pages is two bitmaps of pages (never freed), as
 * tables_note_pages() fills them. False with a reason in `why`, if the run cannot be had twice: input from a terminal,
 * a pipe or a window is the obstacle. */
bool twice_first(struct options *o, int (*run)(struct options *, struct host *), struct host *, char *why, size_t size);

#endif
