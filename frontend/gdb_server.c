/* SPDX-License-Identifier: MIT */
/* Where gdb connects: a socket that listens for one gdb after another, or standard input and output. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "frontend/gdb.h"

#define SEND_PATIENCE_MS 5000 /* how long a gdb may leave its answers unread */

struct where {
    enum { WHERE_TCP, WHERE_UNIX, WHERE_STDIO } kind;
    char host[128], port[8];
    struct sockaddr_un path;
    enum gdb_arch arch;
};

struct gdb_server {
    struct where where;
    struct gdb *gdb;
    struct control *control;
    int listener, in, out; /* -1: none */
};

/* ---- Its name ---- */

/* What may follow an address: QEMU's words for what is always so, and ours. */
static bool parse_option(struct where *w, const char *word, char *why, size_t size)
{
    static const char *const arch[] = {"arch=x86-64", "arch=i386", "arch=i8086"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(word, arch[i]) != 0)
            continue;
        w->arch = (enum gdb_arch)i;
        return true;
    }
    if (!strcmp(word, "server") || !strcmp(word, "server=on") || !strcmp(word, "nowait") || !strcmp(word, "wait=off"))
        return true;
    snprintf(why, size, "'%.40s' is not arch=i386, arch=i8086 or arch=x86-64", word);
    return false;
}

static bool parse_tcp(struct where *w, const char *address, char *why, size_t size)
{
    const char *colon = strrchr(address, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;

    if (!colon || strspn(colon + 1, "0123456789") != strlen(colon + 1) || port < 1 || port > 65535 ||
        strlen(colon + 1) >= sizeof(w->port) || (size_t)(colon - address) >= sizeof(w->host)) {
        snprintf(why, size, "'tcp:%.80s' is not tcp:HOST:PORT", address);
        return false;
    }
    snprintf(w->host, sizeof(w->host), "%.*s", (int)(colon - address), address);
    if (!*w->host)
        strcpy(w->host, "127.0.0.1"); /* whoever connects owns the guest: not everybody */
    strcpy(w->port, colon + 1);
    return true;
}

static bool parse_where(struct where *w, const char *text, char *why, size_t size)
{
    char copy[512], *word, *rest;

    *w = (struct where){.kind = WHERE_STDIO};
    if (strlen(text) >= sizeof(copy)) {
        snprintf(why, size, "too long");
        return false;
    }
    strcpy(copy, text);
    rest = copy + strcspn(copy, ",");
    while (*rest) {
        *rest++ = '\0';
        word = rest;
        rest += strcspn(rest, ",");
        char end = *rest;
        *rest = '\0';
        if (!parse_option(w, word, why, size))
            return false;
        *rest = end;
    }
    if (!strcmp(copy, "stdio"))
        return true;
    if (!strncmp(copy, "tcp:", 4)) {
        w->kind = WHERE_TCP;
        return parse_tcp(w, copy + 4, why, size);
    }
    w->kind = WHERE_UNIX;
    w->path.sun_family = AF_UNIX;
    if (strncmp(copy, "unix:", 5) != 0 || !copy[5]) {
        snprintf(why, size, "'%.80s' is not tcp:HOST:PORT, unix:PATH or stdio", copy);
        return false;
    }
    if (strlen(copy + 5) >= sizeof(w->path.sun_path)) {
        snprintf(why, size, "the path of a socket has fewer than %zu characters", sizeof(w->path.sun_path));
        return false;
    }
    strcpy(w->path.sun_path, copy + 5);
    return true;
}

bool gdb_where_valid(const char *where, char *why, size_t size)
{
    struct where w;

    return parse_where(&w, where, why, size);
}

/* ---- Sockets ---- */

static bool fail(struct gdb_server *s, char *why, size_t size, const char *what)
{
    snprintf(why, size, "-gdb: %s: %s", what, strerror(errno));
    if (s->listener >= 0)
        close(s->listener);
    s->listener = -1;
    return false;
}

static bool listen_tcp(struct gdb_server *s, char *why, size_t size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char what[160];
    int on = 1, error = getaddrinfo(s->where.host, s->where.port, &hints, &found);

    snprintf(what, sizeof(what), "tcp:%s:%s", s->where.host, s->where.port);
    if (error) {
        snprintf(why, size, "-gdb: %s: %s", what, gai_strerror(error));
        return false;
    }
    s->listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listener >= 0)
        setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    error = s->listener < 0 || bind(s->listener, found->ai_addr, found->ai_addrlen) || listen(s->listener, 1);
    freeaddrinfo(found);
    return !error || fail(s, why, size, what);
}

/* A socket that nobody listens on any more was left by a run that was killed. */
static void remove_stale(const struct sockaddr_un *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stat st;

    if (fd < 0)
        return;
    if (stat(path->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        connect(fd, (const struct sockaddr *)path, sizeof(*path)) && errno == ECONNREFUSED)
        unlink(path->sun_path);
    close(fd);
}

static bool listen_unix(struct gdb_server *s, char *why, size_t size)
{
    remove_stale(&s->where.path);
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&s->where.path, sizeof(s->where.path)))
        return fail(s, why, size, s->where.path.sun_path);
    return !listen(s->listener, 1) || fail(s, why, size, s->where.path.sun_path);
}

struct gdb_server *gdb_server_open(const char *where, char *why, size_t size)
{
    struct gdb_server *s = calloc(1, sizeof(*s));
    bool good;

    if (!s) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    s->listener = s->in = s->out = -1;
    good = parse_where(&s->where, where, why, size);
    if (good && s->where.kind == WHERE_TCP)
        good = listen_tcp(s, why, size);
    else if (good && s->where.kind == WHERE_UNIX)
        good = listen_unix(s, why, size);
    if (good)
        return s;
    free(s);
    return NULL;
}

/* ---- The connection ---- */

static void hang_up(struct gdb_server *s)
{
    gdb_disconnected(s->gdb);
    if (s->where.kind != WHERE_STDIO)
        close(s->in);
    else
        control_quit(s->control); /* nobody can come again */
    s->in = s->out = -1;
}

static void pick_up(struct gdb_server *s)
{
    int on = 1, fd = accept(s->listener, NULL, NULL);

    if (fd < 0)
        return;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (s->where.kind == WHERE_TCP)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    s->in = s->out = fd;
    gdb_connected(s->gdb);
}

static bool send_bytes(void *ctx, const u8 *bytes, size_t size)
{
    struct gdb_server *s = ctx;

    while (size) {
        ssize_t n = s->where.kind == WHERE_STDIO ? write(s->out, bytes, size) : send(s->out, bytes, size, MSG_NOSIGNAL);
        struct pollfd ready = {.fd = s->out, .events = POLLOUT};

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno != EAGAIN || poll(&ready, 1, SEND_PATIENCE_MS) <= 0))
            return false;
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        }
    }
    return true;
}

static unsigned server_fds(void *ctx, int fd[CONTROL_FDS])
{
    struct gdb_server *s = ctx;

    fd[0] = s->in >= 0 ? s->in : s->listener;
    return fd[0] >= 0;
}

static void server_poll(void *ctx)
{
    struct gdb_server *s = ctx;
    struct pollfd ready = {.fd = s->in, .events = POLLIN};
    u8 bytes[4096];
    ssize_t n;
    size_t room;

    if (s->in < 0) {
        if (s->listener >= 0)
            pick_up(s);
        return;
    }
    room = gdb_room(s->gdb);
    if (room && poll(&ready, 1, 0) > 0) {
        n = read(s->in, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
        if (n > 0)
            gdb_receive(s->gdb, bytes, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            hang_up(s);
    }
    if (s->in >= 0 && gdb_detached(s->gdb))
        hang_up(s);
}

static void server_stopped(void *ctx, enum control_why why)
{
    struct gdb_server *s = ctx;

    gdb_stopped(s->gdb, why);
}

static bool server_holds(void *ctx)
{
    struct gdb_server *s = ctx;

    return s->in >= 0;
}

bool gdb_server_attach(struct gdb_server *s, struct control *c)
{
    s->control = c;
    s->gdb = gdb_create(c, s->where.arch, send_bytes, s);
    if (!s->gdb)
        return false;
    if (s->where.kind == WHERE_STDIO) {
        s->in = STDIN_FILENO;
        s->out = STDOUT_FILENO;
        gdb_connected(s->gdb);
    }
    return control_add(
        c, (struct control_user){
               .ctx = s, .fds = server_fds, .poll = server_poll, .stopped = server_stopped, .holds = server_holds});
}

struct gdb *gdb_server_gdb(struct gdb_server *s) { return s->gdb; }

void gdb_server_close(struct gdb_server *s, int exit_code)
{
    if (!s)
        return;
    if (s->gdb && s->in >= 0)
        gdb_ended(s->gdb, exit_code);
    if (s->in >= 0 && s->where.kind != WHERE_STDIO)
        close(s->in);
    if (s->listener >= 0) {
        close(s->listener);
        if (s->where.kind == WHERE_UNIX)
            unlink(s->where.path.sun_path);
    }
    gdb_destroy(s->gdb);
    free(s);
}
