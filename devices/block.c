/* SPDX-License-Identifier: MIT */
#include "devices/block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a snapshot keeps is kept in clusters, in tables made when needed. */
enum { CLUSTER_SECTORS = 128, CLUSTER = CLUSTER_SECTORS * BLOCK_SECTOR, TABLE = 1024 };

/* LBA48 ends there, and so do we. */
#define MAX_SECTORS (1ull << 48)

/* A cluster may be the guest's and any number of snapshots'. */
struct cluster {
    u32 refs;
    u8 bytes[CLUSTER];
};

struct block {
    struct block_config config;
    char *path;
    int fd;
    u64 bytes, sectors;
    struct cluster ***table; /* of tables of clusters: the guest's own version of the image */
    u64 tables;
    bool complained;
};

/* ---- Opening ---- */

static bool refuse(const char *path, char *why, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static bool refuse(const char *path, char *why, size_t size, const char *format, ...)
{
    va_list args;
    int n = snprintf(why, size, "%s: ", path);

    va_start(args, format);
    if (n >= 0 && (size_t)n < size)
        vsnprintf(why + n, size - (size_t)n, format, args);
    va_end(args);
    return false;
}

/* Images that are no picture of a disk, by their first bytes. */
static const struct {
    u8 offset, length;
    const char *magic, *name, *qemu;
} formats[] = {
    {0, 4, "QFI\xfb", "QEMU copy-on-write", "qcow2"},
    {0, 4, "KDMV", "VMware", "vmdk"},
    {0, 8, "vhdxfile", "Hyper-V", "vhdx"},
    {0, 8, "conectix", "Virtual PC", "vpc"},
    {0x40, 4, "\x7f\x10\xda\xbe", "VirtualBox", "vdi"},
    {0, 4, "QED", "QEMU enhanced", "qed"}, /* with its zero */
};

static bool is_raw(const struct block *b, char *why, size_t size)
{
    u8 head[0x48] = {0};

    if (b->config.raw || pread(b->fd, head, sizeof(head), 0) <= 0)
        return true;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (!memcmp(head + formats[i].offset, formats[i].magic, formats[i].length))
            return refuse(b->path, why, size, "is a %s image; convert it: qemu-img convert -f %s -O raw %s NEW.img",
                          formats[i].name, formats[i].qemu, b->path);
    return true;
}

/* The whole file, advisorily; file systems that have no locks are not asked twice. */
static bool lock(const struct block *b, bool writes, char *why, size_t size)
{
    if (flock(b->fd, (writes ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 || errno == ENOLCK || errno == EOPNOTSUPP)
        return true;
    if (errno == EWOULDBLOCK)
        return refuse(b->path, why, size,
                      writes ? "is in use; only one may write an image: -snapshot or readonly=on lets many read it"
                             : "is being written to by another run");
    return refuse(b->path, why, size, "cannot be locked: %s", strerror(errno));
}

static bool measure(struct block *b, char *why, size_t size)
{
    struct stat st;
    off_t end;

    if (fstat(b->fd, &st) != 0)
        return refuse(b->path, why, size, "%s", strerror(errno));
    if (S_ISDIR(st.st_mode))
        return refuse(b->path, why, size, "is a directory");
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return refuse(b->path, why, size, "is neither a regular file nor a disk");
    end = lseek(b->fd, 0, SEEK_END);
    if (end < 0)
        return refuse(b->path, why, size, "%s", strerror(errno));
    if (end == 0)
        return refuse(b->path, why, size, "the image is empty");
    b->bytes = (u64)end;
    b->sectors = b->bytes / BLOCK_SECTOR + (b->bytes % BLOCK_SECTOR != 0);
    if (b->sectors > MAX_SECTORS)
        return refuse(b->path, why, size, "larger than 128 PiB");
    return true;
}

static bool prepare_snapshot(struct block *b)
{
    u64 per_table = (u64)TABLE * CLUSTER_SECTORS;

    if (!b->config.snapshot)
        return true;
    b->tables = (b->sectors + per_table - 1) / per_table;
    b->table = calloc(b->tables, sizeof(*b->table));
    return b->table != NULL;
}

struct block *block_open(const struct block_config *config, char *why, size_t size)
{
    struct block *b = calloc(1, sizeof(*b));
    bool writes = !config->read_only && !config->snapshot;

    if (!b || !(b->path = strdup(config->path))) {
        free(b);
        refuse(config->path, why, size, "out of memory");
        return NULL;
    }
    b->config = *config;
    b->fd = open(b->path, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (b->fd < 0) {
        refuse(b->path, why, size, "%s%s", strerror(errno),
               writes && (errno == EACCES || errno == EROFS) ? "; -snapshot or readonly=on do not write to it" : "");
    } else if (measure(b, why, size) && lock(b, writes, why, size) && is_raw(b, why, size)) {
        if (prepare_snapshot(b))
            return b;
        refuse(b->path, why, size, "out of memory");
    }
    if (b->fd >= 0)
        close(b->fd);
    free(b->path);
    free(b);
    return NULL;
}

static void cluster_release(struct cluster *c)
{
    if (c && !--c->refs)
        free(c);
}

/* The tables of one version: of the guest, or of a snapshot. */
static void tables_free(struct cluster ***table, u64 tables)
{
    for (u64 i = 0; table && i < tables; i++) {
        for (unsigned j = 0; table[i] && j < TABLE; j++)
            cluster_release(table[i][j]);
        free(table[i]);
    }
    free(table);
}

void block_close(struct block *b)
{
    if (!b)
        return;
    block_flush(b);
    close(b->fd);
    tables_free(b->table, b->tables);
    free(b->path);
    free(b);
}

u64 block_sectors(const struct block *b) { return b->sectors; }

u64 block_bytes(const struct block *b) { return b->bytes; }

bool block_read_only(const struct block *b) { return b->config.read_only; }

/* ---- The file ---- */

/* The first reason is told; a disk that fails fails often. */
static bool failed(struct block *b, const char *doing)
{
    char line[512];

    if (!b->complained && b->config.complain) {
        snprintf(line, sizeof(line), "%s: %s: %s; the guest sees an I/O error", b->path, doing,
                 errno ? strerror(errno) : "the image has become shorter");
        b->config.complain(b->config.ctx, line);
    }
    b->complained = true;
    return false;
}

/* What lies behind the end of an image that ends within a sector is zero. */
static bool file_read(struct block *b, u64 at, u8 *to, u64 size)
{
    u64 there = at < b->bytes ? b->bytes - at : 0;

    if (there < size) {
        memset(to + there, 0, size - there);
        size = there;
    }
    for (u64 done = 0; done < size;) {
        ssize_t n;

        errno = 0;
        n = pread(b->fd, to + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed(b, "read");
        done += (u64)n;
    }
    return true;
}

static bool file_write(struct block *b, u64 at, const u8 *from, u64 size)
{
    for (u64 done = 0; done < size;) {
        ssize_t n;

        errno = 0;
        n = pwrite(b->fd, from + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = errno ? errno : ENOSPC;
            return failed(b, "write");
        }
        done += (u64)n;
    }
    if (at + size > b->bytes)
        b->bytes = at + size;
    return true;
}

/* ---- The snapshot ---- */

/* The guest's own version of a cluster, NULL where the image still holds. */
static struct cluster *cluster_find(const struct block *b, u64 cluster)
{
    struct cluster **table = b->table[cluster / TABLE];

    return table ? table[cluster % TABLE] : NULL;
}

/* A cluster of the guest's alone in place of what is there, which the caller fills; NULL without memory. */
static struct cluster *cluster_new(struct block *b, u64 cluster)
{
    struct cluster ***table = &b->table[cluster / TABLE], *c;

    if (!*table && !(*table = calloc(TABLE, sizeof(**table))))
        return NULL;
    c = malloc(sizeof(*c));
    if (!c)
        return NULL;
    c->refs = 1;
    (*table)[cluster % TABLE] = c;
    return c;
}

/* The guest's own version, made from what it sees unless all of it is about to be written. */
static struct cluster *cluster_make(struct block *b, u64 cluster, bool whole)
{
    struct cluster *old = cluster_find(b, cluster), *c;

    if (old && old->refs == 1)
        return old;
    c = cluster_new(b, cluster);
    if (!c)
        return NULL;
    if (old)
        memcpy(c->bytes, old->bytes, CLUSTER);
    if (old || whole || file_read(b, cluster * CLUSTER, c->bytes, CLUSTER)) {
        cluster_release(old);
        return c;
    }
    b->table[cluster / TABLE][cluster % TABLE] = NULL;
    free(c);
    return NULL;
}

/* Sectors of one cluster. */
static bool snapshot_read(struct block *b, u64 sector, u64 count, u8 *to)
{
    const struct cluster *own = cluster_find(b, sector / CLUSTER_SECTORS);

    if (!own)
        return file_read(b, sector * BLOCK_SECTOR, to, count * BLOCK_SECTOR);
    memcpy(to, own->bytes + sector % CLUSTER_SECTORS * BLOCK_SECTOR, count * BLOCK_SECTOR);
    return true;
}

static bool snapshot_write(struct block *b, u64 sector, u64 count, const u8 *from)
{
    struct cluster *own = cluster_make(b, sector / CLUSTER_SECTORS, count == CLUSTER_SECTORS);

    if (!own) {
        errno = ENOMEM;
        return failed(b, "write");
    }
    memcpy(own->bytes + sector % CLUSTER_SECTORS * BLOCK_SECTOR, from, count * BLOCK_SECTOR);
    return true;
}

/* ---- Access ---- */

static bool within(const struct block *b, u64 sector, u64 count)
{
    return sector <= b->sectors && count <= b->sectors - sector;
}

/* As many of `count` sectors as lie in the cluster of the first. */
static u64 in_cluster(u64 sector, u64 count)
{
    u64 room = CLUSTER_SECTORS - sector % CLUSTER_SECTORS;

    return count < room ? count : room;
}

bool block_read(struct block *b, u64 sector, u64 count, void *to)
{
    u8 *p = to;

    if (!within(b, sector, count))
        return false;
    if (!b->table)
        return file_read(b, sector * BLOCK_SECTOR, p, count * BLOCK_SECTOR);
    for (u64 n; count; sector += n, count -= n, p += n * BLOCK_SECTOR) {
        n = in_cluster(sector, count);
        if (!snapshot_read(b, sector, n, p))
            return false;
    }
    return true;
}

bool block_write(struct block *b, u64 sector, u64 count, const void *from)
{
    const u8 *p = from;

    if (b->config.read_only || !within(b, sector, count))
        return false;
    if (!b->table)
        return file_write(b, sector * BLOCK_SECTOR, p, count * BLOCK_SECTOR);
    for (u64 n; count; sector += n, count -= n, p += n * BLOCK_SECTOR) {
        n = in_cluster(sector, count);
        if (!snapshot_write(b, sector, n, p))
            return false;
    }
    return true;
}

bool block_flush(struct block *b)
{
    if (b->config.read_only || b->table)
        return true;
    errno = 0;
    if (fdatasync(b->fd) == 0 || errno == EINVAL || errno == ENOTSUP)
        return true;
    return failed(b, "flush");
}

/* ---- State ---- */

/* How the image is known again: its size, and samples of it. */
enum { SAMPLES = 256, SAMPLE = 4096, STATE_CLUSTERS_MAX = 1 << 24 };

struct identity {
    u64 bytes, samples;
    s64 seconds, ns; /* of the last change */
};

static bool identify(struct block *b, struct identity *id)
{
    struct stat st;
    u8 sample[SAMPLE];
    u64 step = b->bytes / SAMPLES + 1;

    if (fstat(b->fd, &st) != 0)
        return false;
    *id = (struct identity){.bytes = b->bytes, .seconds = st.st_mtim.tv_sec, .ns = st.st_mtim.tv_nsec};
    for (u64 at = 0; at < b->bytes; at += step) {
        if (!file_read(b, at, sample, sizeof(sample)))
            return false;
        id->samples = state_hash(id->samples, sample, sizeof(sample));
    }
    return true;
}

static bool is_direct(const struct block *b) { return !b->table && !b->config.read_only; }

static void note(struct block *b, const char *what)
{
    char line[512];

    snprintf(line, sizeof(line), "%s: %s", b->path, what);
    if (b->config.complain)
        b->config.complain(b->config.ctx, line);
}

/* `direct`: the guest wrote to the image itself, which must be as it was then. */
static void check_identity(struct block *b, struct state *s, const struct identity *now, const struct identity *then,
                           bool direct)
{
    bool changed = now->seconds != then->seconds || now->ns != then->ns;

    if (now->bytes != then->bytes || now->samples != then->samples)
        state_fail(s, "%s: is not the image the state was saved with", b->path);
    else if (changed && direct)
        state_fail(s,
                   "%s: was written to since the state was saved; with -snapshot a state can be loaded again and again",
                   b->path);
    else if (changed)
        note(b, "is newer or older than when the state was saved");
}

static void identity_state(struct block *b, struct state *s)
{
    struct identity now = {0}, then;
    u64 direct = is_direct(b);

    if (s->in_memory)
        return;
    if (direct && !state_is_loading(s))
        block_flush(b);
    if (!identify(b, &now)) {
        state_fail(s, "%s: cannot be read", b->path);
        return;
    }
    then = now;
    state_bytes(s, "identity", &then, sizeof(then));
    state_number(s, "direct", &direct, 1);
    if (state_is_loading(s) && !s->failed)
        check_identity(b, s, &now, &then, direct);
}

static u64 count_clusters(const struct block *b)
{
    u64 n = 0;

    for (u64 i = 0; i < b->tables; i++)
        for (unsigned j = 0; b->table[i] && j < TABLE; j++)
            n += b->table[i][j] != NULL;
    return n;
}

static void save_clusters(struct block *b, struct state *s)
{
    for (u64 i = 0; i < b->tables && !s->failed; i++)
        for (unsigned j = 0; b->table[i] && j < TABLE; j++) {
            u64 number = i * TABLE + j;

            if (!b->table[i][j])
                continue;
            state_number(s, "cluster", &number, UINT64_MAX);
            state_bytes(s, "bytes", b->table[i][j]->bytes, CLUSTER);
        }
}

static void load_clusters(struct block *b, struct state *s, u64 count)
{
    for (u64 i = 0; i < count && !s->failed; i++) {
        u64 number = 0;
        struct cluster *c;

        state_number(s, "cluster", &number, (b->sectors - 1) / CLUSTER_SECTORS);
        if (s->failed)
            return;
        c = cluster_find(b, number) ? NULL : cluster_new(b, number);
        if (c)
            state_bytes(s, "bytes", c->bytes, CLUSTER);
        else
            state_fail(s, "%s: cluster %llu is there twice, or there is no memory", b->path,
                       (unsigned long long)number);
    }
}

static void forget_clusters(struct block *b)
{
    for (u64 i = 0; i < b->tables; i++) {
        for (unsigned j = 0; b->table[i] && j < TABLE; j++)
            cluster_release(b->table[i][j]);
        free(b->table[i]);
        b->table[i] = NULL;
    }
}

void block_media_state(struct block *b, struct state *s)
{
    u64 present = b != NULL, clusters;

    state_number(s, "medium", &present, 1);
    if (s->failed)
        return;
    if (present != (b != NULL)) {
        state_fail(s,
                   present ? "%s: there was a medium in a drive that is empty now"
                           : "%s: there was no medium in a drive that has one now",
                   s->section);
        return;
    }
    if (!b || s->in_memory) /* a snapshot's clusters are kept by block_snapshot() */
        return;
    identity_state(b, s);
    clusters = b->table ? count_clusters(b) : 0;
    state_number(s, "clusters", &clusters, STATE_CLUSTERS_MAX);
    if (s->failed)
        return;
    if (!state_is_loading(s)) {
        save_clusters(b, s);
    } else if (clusters && !b->table) {
        state_fail(s, "%s: the state holds what was written under -snapshot; it cannot be loaded without", b->path);
    } else {
        forget_clusters(b);
        load_clusters(b, s, clusters);
    }
}

const char *block_path(const struct block *b) { return b->path; }

bool block_has_snapshot(const struct block *b) { return b->table; }

/* ---- Snapshots ---- */

struct block_snapshot {
    struct cluster ***table;
    u64 tables;
};

static void share_table(struct cluster **to, struct cluster *const *from)
{
    for (unsigned j = 0; j < TABLE; j++) {
        to[j] = from[j];
        if (to[j])
            to[j]->refs++;
    }
}

/* Another version of the same clusters; NULL without memory. */
static struct cluster ***tables_share(struct cluster ***from, u64 tables)
{
    struct cluster ***to = calloc(tables ? tables : 1, sizeof(*to));

    for (u64 i = 0; to && i < tables; i++) {
        if (!from[i])
            continue;
        to[i] = calloc(TABLE, sizeof(**to));
        if (!to[i]) {
            tables_free(to, tables);
            return NULL;
        }
        share_table(to[i], from[i]);
    }
    return to;
}

struct block_snapshot *block_snapshot(struct block *b)
{
    struct block_snapshot *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->tables = b->tables;
    s->table = b->table ? tables_share(b->table, b->tables) : NULL;
    if (s->table || !b->table)
        return s;
    free(s);
    return NULL;
}

bool block_restore(struct block *b, const struct block_snapshot *s)
{
    struct cluster ***table = s->table ? tables_share(s->table, s->tables) : NULL;

    if (!b->table)
        return true;
    if (!table)
        return false;
    tables_free(b->table, b->tables);
    b->table = table;
    return true;
}

void block_snapshot_free(struct block_snapshot *s)
{
    if (!s)
        return;
    tables_free(s->table, s->tables);
    free(s);
}
