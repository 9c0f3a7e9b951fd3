/* SPDX-License-Identifier: MIT */
#include "mmu/tables.h"

#include <stdlib.h>
#include <string.h>

#include "mmu/paging.h"
#include "mmu/host_memory.h"

#define BUCKETS 16384u
#define NODES_MOST (1u << 22)
#define NOWHERE (~0ull) /* no address of an entry, as they are aligned */
#define ROOT (~1ull)

/* One change in an entry's history, which is a ring: what has come last leads to what came first. */
struct node {
    struct table_change change;
    u32 next;  /* newer; node number + 1 */
    u32 count; /* how often the entry changed until then */
};

struct page {
    u64 pa;
    struct page *next; /* in the bucket, or among the unused */
    unsigned width;    /* bytes of an entry */
    u8 level;
    bool pinned;
    u64 parent; /* physical address of the entry that led a walk here last; ROOT: none did; NOWHERE: no walk came */
    u32 idle;   /* writes since a walk came by */
    u8 shadow[PAGE_SIZE];
    u32 head[PAGE_SIZE / 4]; /* of each entry's history; of an unused page 0 */
};

struct tables {
    struct phys *phys;
    u64 walked; /* the entry that a walk read last, and its level */
    unsigned walked_level;
    struct page
        *came_by[WALK_MAX_STEPS + 1]; /* the page of each level that it found last, or NULL: mostly it is again */
    struct page *bucket[BUCKETS];
    struct page *page; /* TABLES_MOST of them */
    unsigned pages, pages_made;
    struct page *page_unused;
    struct node *node; /* NODES_MOST of them */
    u32 nodes, unused; /* made; a list of those given back */
    unsigned pages_most;
    u32 nodes_most;
    u64 serial;
    struct table_change recent[TABLES_RECENT];
    /* Announced, and perhaps stored by now: the copy will show. Looking twice does no harm. */
    struct pending {
        struct page *page; /* NULL: nothing */
        unsigned from, to; /* offsets within the page */
        struct table_write who;
    } pending;
    tables_changed_fn *changed;
    void *ctx;
    tables_linked_fn *linked;
    void *linked_ctx;
    u64 *bitmap, bitmap_pages; /* two, one behind the other */
};

const char *table_writer_name(enum table_writer by)
{
    static const char *const names[] = {"instruction", "processor", "outside"};

    return names[by];
}

struct tables *tables_create(struct phys *phys)
{
    struct tables *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->phys = phys;
    t->page = host_reserve(TABLES_MOST * sizeof(*t->page));
    t->node = host_reserve(NODES_MOST * sizeof(*t->node));
    if (!t->page || !t->node) {
        tables_destroy(t);
        return NULL;
    }
    tables_limit(t, TABLES_MOST, NODES_MOST);
    return t;
}

void tables_limit(struct tables *t, unsigned pages, u32 changes)
{
    t->pages_most = pages;
    t->nodes_most = changes;
}

void tables_destroy(struct tables *t)
{
    if (!t)
        return;
    host_release(t->page, TABLES_MOST * sizeof(*t->page));
    host_release(t->node, NODES_MOST * sizeof(*t->node));
    free(t);
}

static struct page **bucket_of(struct tables *t, u64 pa) { return &t->bucket[(pa >> 12 ^ pa >> 26) % BUCKETS]; }

static struct page *page_find(const struct tables *t, u64 pa)
{
    struct page *p = *bucket_of((struct tables *)(uintptr_t)t, pa);

    while (p && p->pa != (pa & PAGE_MASK))
        p = p->next;
    return p;
}

bool tables_watched(const struct tables *t, u64 pa) { return page_find(t, pa) != NULL; }

unsigned tables_level(const struct tables *t, u64 pa)
{
    const struct page *p = page_find(t, pa);

    return p ? p->level : 0;
}

void tables_note_pages(struct tables *t, u64 *bitmaps, u64 pages)
{
    t->bitmap = bitmaps;
    t->bitmap_pages = pages;
}

void tables_on_change(struct tables *t, tables_changed_fn *changed, void *ctx)
{
    t->changed = changed;
    t->ctx = ctx;
}

void tables_on_link(struct tables *t, tables_linked_fn *linked, void *ctx)
{
    t->linked = linked;
    t->linked_ctx = ctx;
}

void tables_each(const struct tables *t, void (*each)(void *ctx, u64 pa), void *ctx)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct page *p = t->bucket[i]; p; p = p->next)
            each(ctx, p->pa);
}

/* ---- Histories ---- */

static u32 node_take(struct tables *t)
{
    u32 n = t->unused;

    if (n) {
        t->unused = t->node[n - 1].next;
        return n;
    }
    return t->nodes < t->nodes_most ? ++t->nodes : 0;
}

/* The oldest of TABLES_HISTORY makes room for the newest, and does where there is no memory for one more. False if
 * there is none at all, and the change is not remembered. */
static bool remember(struct tables *t, u32 *head, const struct table_change *c)
{
    u32 newest = *head, count = newest ? t->node[newest - 1].count : 0;
    u32 n = count < TABLES_HISTORY ? node_take(t) : 0, oldest = newest ? t->node[newest - 1].next : n;

    if (!n && !newest)
        return false;
    if (n && newest) {
        t->node[newest - 1].next = n;
    } else if (!n) {
        n = oldest;
        oldest = t->node[n - 1].next;
    }
    t->node[n - 1] = (struct node){.change = *c, .next = oldest, .count = count + 1};
    *head = n;
    return true;
}

/* The newest first; how many. */
static unsigned recall(const struct tables *t, u32 head, struct table_change *to)
{
    unsigned n = 0;

    for (u32 at = head; at && (!n || at != head); n++) {
        at = t->node[at - 1].next; /* from the oldest on */
        memmove(to + 1, to, n * sizeof(*to));
        to[0] = t->node[at - 1].change;
    }
    return n;
}

static void forget_history(struct tables *t, struct page *p)
{
    for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
        if (p->head[i]) {
            u32 oldest = t->node[p->head[i] - 1].next;

            t->node[p->head[i] - 1].next = t->unused;
            t->unused = oldest;
        }
    memset(p->head, 0, PAGE_SIZE / 4 * sizeof(p->head[0]));
}

/* ---- Changes ---- */

static u64 entry_of(const u8 *page, unsigned offset, unsigned width)
{
    u64 v = 0;

    memcpy(&v, page + offset, width);
    return v;
}

static void note_page(struct tables *t, u64 pa, unsigned width)
{
    u64 bit = BIT(pa >> 12 & 63);

    if (!t->bitmap || pa >> 12 >= t->bitmap_pages)
        return;
    if (width == 4 && !(t->bitmap[pa >> 18] & bit))
        t->bitmap[t->bitmap_pages / 64 + (pa >> 18)] |= bit;
    t->bitmap[pa >> 18] |= bit;
}

/* To be followed by note_page(), once its width is sure. */
static struct page *page_add(struct tables *t, u64 pa, unsigned width)
{
    const u8 *now = phys_page_read(t->phys, pa);
    struct page **bucket = bucket_of(t, pa), *p;

    if (!now || t->pages >= t->pages_most || !phys_page_write(t->phys, pa))
        return NULL; /* ROM does not change; a device is no memory */
    p = t->page_unused ? t->page_unused : &t->page[t->pages_made++];
    if (t->page_unused)
        t->page_unused = p->next;
    p->pa = pa & PAGE_MASK;
    p->next = *bucket;
    p->width = width;
    p->level = 0;
    p->pinned = false;
    p->parent = NOWHERE;
    p->idle = 0;
    memcpy(p->shadow, now, PAGE_SIZE);
    *bucket = p;
    t->pages++;
    return p;
}

/* Does the entry at `at` lead to the page? */
static bool leads_to(const struct tables *t, u64 at, u64 pa)
{
    const struct page *p = page_find(t, at);
    const u8 *now = p ? phys_page_read(t->phys, at) : NULL;
    u64 entry = now ? entry_of(now, (unsigned)(at & ~PAGE_MASK & ~(u64)(p->width - 1)), p->width) : 0;

    return entry & 1 && ((entry ^ pa) & BITS(51, 12)) == 0;
}

bool tables_linked(const struct tables *t, u64 pa, u64 root)
{
    const struct page *p = page_find(t, pa);

    if (p && p->parent == ROOT)
        return root == TABLES_ANY_ROOT || p->pa == (root & BITS(51, 12));
    for (unsigned n = 0; p && p->parent != ROOT && n < 5; n++) {
        if (p->parent == NOWHERE || !leads_to(t, p->parent, p->pa))
            return false;
        p = page_find(t, p->parent);
    }
    return p && p->parent == ROOT;
}

/* An entry leads to a table that no walk has come to yet: it is about to be filled, and that is worth knowing. */
static void adopt(struct tables *t, const struct page *p, const struct table_change *c)
{
    u64 pa = c->is & (p->width == 4 ? BITS(31, 12) : BITS(51, 12));
    struct page *to;

    if (!t->linked || p->level < 2 || !(c->is & PTE_P) || (p->level < 4 && c->is & PTE_PS) || page_find(t, pa) ||
        !tables_linked(t, p->pa, TABLES_ANY_ROOT))
        return;
    to = page_add(t, pa, p->width);
    if (!to)
        return;
    note_page(t, pa, p->width);
    to->level = p->level - 1;
    to->parent = c->at;
    t->linked(t->linked_ctx, pa);
}

static void note_change(struct tables *t, struct page *p, unsigned offset, u64 was, u64 is,
                        const struct table_write *who)
{
    struct table_change *c = &t->recent[++t->serial & (TABLES_RECENT - 1)];

    *c = (struct table_change){.write = *who, .serial = t->serial, .at = p->pa + offset, .was = was, .is = is};
    if (!remember(t, &p->head[offset / 4], c))
        p->pinned = false; /* no entry of it can be said never to have changed */
    if (t->changed)
        t->changed(t->ctx, c);
    adopt(t, p, c);
}

bool tables_may_link(const struct tables *t) { return t->linked && t->pending.page && t->pending.page->level >= 2; }

/* Whatever differs from the copy in [from, to) is the doing of `who`. */
static void compare(struct tables *t, struct page *p, unsigned written, unsigned to, const struct table_write *who)
{
    const u8 *now = phys_page_read(t->phys, p->pa);
    unsigned from = written & ~(p->width - 1);

    if (!now || (to - from > p->width && !memcmp(p->shadow + from, now + from, to - from)))
        return;
    for (unsigned at = from; at < to; at += p->width) {
        u64 was = entry_of(p->shadow, at, p->width), is = entry_of(now, at, p->width);
        struct table_write w = *who;

        if (was == is)
            continue;
        if (at > written && w.la != TABLES_NO_ADDRESS)
            w.la += at - written;
        memcpy(p->shadow + at, now + at, p->width);
        note_change(t, p, at, was, is, &w);
    }
}

void tables_settle(struct tables *t)
{
    struct pending *d = &t->pending;
    if (d->page)
        compare(t, d->page, d->from, d->to, &d->who);
}

/* ---- Pages ---- */

static void page_drop(struct tables *t, struct page *p)
{
    struct page **link = bucket_of(t, p->pa);

    if (t->pending.page == p)
        t->pending.page = NULL;
    for (unsigned level = 0; level <= WALK_MAX_STEPS; level++)
        if (t->came_by[level] == p)
            t->came_by[level] = NULL;
    forget_history(t, p);
    while (*link != p)
        link = &(*link)->next;
    *link = p->next;
    p->next = t->page_unused;
    t->page_unused = p;
    t->pages--;
}

bool tables_used(struct tables *t, u64 pa, unsigned width, unsigned level)
{
    struct page *p = t->came_by[level];
    bool added = false;

    if (!p || p->pa != (pa & PAGE_MASK))
        p = t->came_by[level] = page_find(t, pa);
    if (!p) {
        added = true;
        p = page_add(t, pa, width);
        if (!p)
            return false;
        note_page(t, pa, width);
    }
    p->idle = 0;
    p->level = (u8)level;
    if (t->walked_level != level + 1)
        p->parent = ROOT;
    else if (p->parent != t->walked) /* as it was found before; tables_linked() looks whether it still does */
        p->parent = leads_to(t, t->walked, pa) ? t->walked : ROOT;
    t->walked = pa;
    t->walked_level = level;
    if (unlikely(p->width != width)) { /* another mode: entries are others */
        tables_settle(t);
        p->width = width;
        if (!p->pinned)
            forget_history(t, p);
    }
    return added;
}

bool tables_pin(struct tables *t, u64 pa, unsigned width)
{
    struct page *p = page_find(t, pa);

    if (p) {
        p->pinned = true;
        return false;
    }
    p = page_add(t, pa, width);
    if (!p)
        return false;
    note_page(t, pa, width);
    p->pinned = true;
    return true;
}

/* ---- Writes ---- */

static bool fell_idle(struct tables *t, struct page *p)
{
    if (++p->idle < TABLES_IDLE)
        return false;
    page_drop(t, p);
    return true;
}

bool tables_before(struct tables *t, u64 pa, u64 size, const struct table_write *who)
{
    struct page *p;
    unsigned from = (unsigned)(pa & ~PAGE_MASK);

    tables_settle(t);
    p = page_find(t, pa);
    if (!p || fell_idle(t, p))
        return false;
    t->pending = (struct pending){.page = p, .from = from, .to = from + (unsigned)size, .who = *who};
    return true;
}

bool tables_after(struct tables *t, u64 pa, u64 size, const struct table_write *who)
{
    struct page *p = page_find(t, pa);
    unsigned from = (unsigned)(pa & ~PAGE_MASK);

    if (!p)
        return false;
    if (t->pending.page == p && t->pending.from < from + size && t->pending.to > from)
        t->pending.page = NULL; /* overwritten: what is there now is not what that store left */
    tables_settle(t);
    compare(t, p, from, from + (unsigned)size, who);
    return !fell_idle(t, p);
}

void tables_accessed(struct tables *t, u64 pa, unsigned width)
{
    struct page *p = page_find(t, pa);
    const u8 *now = p ? phys_page_read(t->phys, pa) : NULL;
    unsigned offset = (unsigned)(pa & ~PAGE_MASK);

    if (now)
        memcpy(p->shadow + offset, now + offset, width);
}

void tables_forget(struct tables *t)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        while (t->bucket[i])
            page_drop(t, t->bucket[i]);
}

/* ---- As part of a state ---- */

static const struct state_field write_fields[] = {
    STATE_ANY(table_write, rip),
    STATE_ANY(table_write, icount),
    STATE_ANY(table_write, la),
    STATE_ANY(table_write, cr3),
    STATE_ANY(table_write, cpu),
    STATE_UPTO(table_write, cpl, 3),
    STATE_UPTO(table_write, by, WRITER_OUTSIDE),
};
static const struct state_table write_table = STATE_TABLE(table_write, write_fields);

static const struct state_field change_fields[] = {
    STATE_STRUCT(table_change, write, &write_table),
    STATE_ANY(table_change, serial),
    STATE_ANY(table_change, at),
    STATE_ANY(table_change, was),
    STATE_ANY(table_change, is),
};
static const struct state_table change_table = STATE_TABLE(table_change, change_fields);

/* Oldest first, as they were remembered. */
static void history_state(struct tables *t, struct page *p, u32 *head, struct state *s)
{
    struct table_change change[TABLES_HISTORY] = {0};
    u64 n = recall(t, *head, change), count = *head ? t->node[*head - 1].count : 0;

    state_number(s, "history", &n, TABLES_HISTORY);
    state_number(s, "count", &count, UINT32_MAX);
    if (count < n)
        state_fail(s, "tables.history: %llu changes of %llu", (unsigned long long)n, (unsigned long long)count);
    while (n-- && !s->failed) {
        state_struct(s, &change_table, &change[n]);
        if (state_is_loading(s) && !s->failed && !remember(t, head, &change[n]))
            p->pinned = false;
    }
    if (state_is_loading(s) && !s->failed && *head)
        t->node[*head - 1].count = (u32)count;
}

static void page_state(struct tables *t, struct page *p, struct state *s)
{
    u64 width = p->width, level = p->level, pinned = p->pinned, idle = p->idle, at = 0;

    state_number(s, "width", &width, 8);
    if (width != 4 && width != 8)
        state_fail(s, "tables.width: %llu is neither 4 nor 8", (unsigned long long)width);
    state_number(s, "level", &level, WALK_MAX_STEPS);
    state_number(s, "pinned", &pinned, 1);
    state_number(s, "idle", &idle, TABLES_IDLE - 1);
    state_number(s, "parent", &p->parent, UINT64_MAX);
    if (s->failed)
        return;
    p->width = (unsigned)width;
    p->level = (u8)level;
    p->pinned = pinned;
    p->idle = (u32)idle;
    for (;; at++) { /* entries that have a history, and then one beyond the last */
        while (!state_is_loading(s) && at < PAGE_SIZE / 4 && !p->head[at])
            at++;
        state_number(s, "entry", &at, PAGE_SIZE / 4);
        if (s->failed || at == PAGE_SIZE / 4)
            return;
        history_state(t, p, &p->head[at], s);
    }
}

static void load_page(struct tables *t, struct state *s)
{
    u64 pa = 0;
    struct page *p;

    state_number(s, "page", &pa, UINT64_MAX);
    if (s->failed)
        return;
    p = pa & ~PAGE_MASK || page_find(t, pa) ? NULL : page_add(t, pa, 8);
    if (!p) {
        state_fail(s, "tables.page: 0x%llx is no page of RAM, or comes twice", (unsigned long long)pa);
        return;
    }
    page_state(t, p, s);
    note_page(t, pa, p->width);
}

void tables_state(struct tables *t, struct state *s)
{
    u64 pages = t->pages, level = t->walked_level;

    state_section(s, "tables");
    if (state_is_loading(s))
        tables_forget(t);
    else
        tables_settle(t);
    state_number(s, "serial", &t->serial, INT64_MAX);
    state_number(s, "walked", &t->walked, UINT64_MAX);
    state_number(s, "walked level", &level, WALK_MAX_STEPS);
    t->walked_level = (unsigned)level;
    for (unsigned i = 0; i < TABLES_RECENT; i++)
        state_struct(s, &change_table, &t->recent[i]);
    state_number(s, "pages", &pages, TABLES_MOST);
    for (u64 i = 0; state_is_loading(s) && i < pages && !s->failed; i++)
        load_page(t, s);
    for (unsigned i = 0; !state_is_loading(s) && i < BUCKETS; i++)
        for (struct page *p = t->bucket[i]; p; p = p->next) {
            state_number(s, "page", &p->pa, UINT64_MAX);
            page_state(t, p, s);
        }
}

/* ---- Questions ---- */

enum table_past tables_history(struct tables *t, u64 at, struct table_change *to, unsigned *n, u64 *count)
{
    const struct page *p;
    u32 head;

    tables_settle(t);
    *n = 0;
    if (count)
        *count = 0;
    p = page_find(t, at);
    if (!p)
        return PAST_UNWATCHED;
    head = p->head[(at & ~PAGE_MASK) / 4];
    if (!head)
        return p->pinned ? PAST_NEVER : PAST_UNKNOWN;
    if (count)
        *count = t->node[head - 1].count;
    *n = recall(t, head, to);
    return PAST_KNOWN;
}

u64 tables_serial(struct tables *t)
{
    tables_settle(t);
    return t->serial;
}

const struct table_change *tables_change(struct tables *t, u64 serial)
{
    const struct table_change *c = &t->recent[serial & (TABLES_RECENT - 1)];

    return serial && c->serial == serial ? c : NULL;
}
