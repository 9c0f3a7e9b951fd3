/* SPDX-License-Identifier: MIT */
/*
 * Who wrote which entry of the paging structures. Pages that walks use as tables are watched: whoever writes to one
 * says so, before or after it stores. A copy of each page shows what changed, so a store that changes nothing leaves no
 * trace, and none that changes something is missed. Nothing is known of what was written before a page was watched.
 */
#ifndef FAULTLINE_MMU_TABLES_H
#define FAULTLINE_MMU_TABLES_H

#include "mmu/base.h"
#include "mmu/phys.h"
#include "mmu/state.h"

enum table_writer {
    WRITER_INSTRUCTION, /* a store by the guest */
    WRITER_PROCESSOR,   /* the processor by itself: a push of delivery, a descriptor's accessed bit. Not A and D */
    WRITER_OUTSIDE,     /* a device's DMA, a loader, a debugger */
};
const char *table_writer_name(enum table_writer); /* "instruction", "processor", "outside" */

#define TABLES_NO_ADDRESS (~0ull)
#define TABLES_ANY_ROOT (~0ull)

/* Who is writing. */
struct table_write {
    u64 rip;    /* the instruction; of WRITER_OUTSIDE the one that ran */
    u64 icount; /* instructions retired before it */
    u64 la;     /* linear address of the first byte written, or TABLES_NO_ADDRESS */
    u64 cr3;
    u8 cpu, cpl;
    u8 by; /* enum table_writer */
};

/* One entry's change from one value to another. */
struct table_change {
    struct table_write write;
    u64 serial;  /* 1, 2, 3 .. over all changes */
    u64 at;      /* physical address of the entry */
    u64 was, is; /* its values */
};

enum table_past {
    PAST_UNWATCHED, /* the page is no table that is known of */
    PAST_UNKNOWN,   /* nothing since its page is watched; before that, who knows */
    PAST_NEVER,     /* nothing since reset: its page is watched from there on */
    PAST_KNOWN,     /* the last change is known */
};

#define TABLES_HISTORY 4u   /* changes remembered of one entry */
#define TABLES_RECENT 4096u /* changes remembered of all; a power of two */
#define TABLES_MOST 131072u /* pages watched at once: one of RAM in two at 1 GiB. Beyond, tables go unwatched */
#define TABLES_IDLE 16384u /* writes to a page without a walk through it, after which it is no table any more */

struct tables;
struct tables *tables_create(struct phys *); /* phys is borrowed; NULL without memory */
void tables_destroy(struct tables *);
/* Fewer pages watched at once than TABLES_MOST, and fewer changes remembered of all their entries: for tests. */
void tables_limit(struct tables *, unsigned pages, u32 changes);

/* A walk reads the entry at `pa`, `width` (4 or 8) bytes wide, of a table of this level. True if its page is watched
 * from now on and was not before: then the processors must hear of writes to it. */
bool tables_used(struct tables *, u64 pa, unsigned width, unsigned level);
/* The same of a page that will be a table of entries so wide, at reset: its past will be known. Where it is memory for
 * something else first, and falls idle, it is forgotten like any other, and unknown from there on: else every store to
 * that would go the long way. */
bool tables_pin(struct tables *, u64 pa, unsigned width);
bool tables_watched(const struct tables *, u64 pa);
/* Is this page a table as far as walks have come by: do the entries that led to it, from a table that CR3 named, still
 * do so? Of such tables `root` alone is one now, or all (TABLES_ANY_ROOT). What was a table once, or will be one, is
 * memory for something else now. */
bool tables_linked(const struct tables *, u64 pa, u64 root);
/* Every page ever watched, as a bitmap by page number, of `pages` bits, and behind it another, of those whose entries
 * had 4 bytes when it was watched first: what the next run may pin. Kept up to date, borrowed. */
void tables_note_pages(struct tables *, u64 *bitmaps, u64 pages);
/* Calls `each` for every page watched. */
void tables_each(const struct tables *, void (*each)(void *ctx, u64 pa), void *ctx);

/* [pa, pa + size), within one page, is about to be written by `who` (before anything else is), or has been written.
 * False if the page is not watched, or not any more. */
bool tables_before(struct tables *, u64 pa, u64 size, const struct table_write *who);
bool tables_after(struct tables *, u64 pa, u64 size, const struct table_write *who);
/* The processor has set A or D: no change to speak of. */
void tables_accessed(struct tables *, u64 pa, unsigned width);

/* The last changes of the entry at `at`, newest first, at most TABLES_HISTORY, into `to`; how many. `count`, if not
 * NULL: how often it changed altogether. */
enum table_past tables_history(struct tables *, u64 at, struct table_change *to, unsigned *n, u64 *count);
/* The level of the table in this page as last walked; 0 if unknown. */
unsigned tables_level(const struct tables *, u64 pa);

/* Every page and its history is forgotten. */
void tables_forget(struct tables *);
/* All that is known, as part of a saved state; memory comes before it. Loading forgets what was known. */
void tables_state(struct tables *, struct state *);

u64 tables_serial(struct tables *); /* of the last change */
/* The change of this serial number; NULL if it is no longer remembered. Borrowed until the next call of any kind. */
const struct table_change *tables_change(struct tables *, u64 serial);

/* Called with each change, once it is known: at the latest when somebody asks. One listener. */
typedef void tables_changed_fn(void *ctx, const struct table_change *);
void tables_on_change(struct tables *, tables_changed_fn *, void *ctx);
/* Called with the page of a table as soon as it is known that an entry leads to it now, which no walk has read yet: it is
 * watched from there on, and the processors must hear of writes to it. One listener; without it pages are watched when
 * they are walked. */
typedef void tables_linked_fn(void *ctx, u64 pa);
void tables_on_link(struct tables *, tables_linked_fn *, void *ctx);
/* Could the write announced last have made such an entry? Then tables_settle() is due once it is stored. */
bool tables_may_link(const struct tables *);
/* What was announced with tables_before is looked at now; and again later, in case it was not stored yet. */
void tables_settle(struct tables *);

#endif
