/* SPDX-License-Identifier: MIT */
/* Finding the command, its arguments, help and completion. What each does: monitor_*.c. */
#include "frontend/monitor.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "frontend/keys.h"

#define ATTR_DB BIT(14)

struct command {
    const char *name, *arguments;
    unsigned minimum;
    monitor_handler *handler;
    const char *help;
};

static const struct command commands[] = {
#define COMMAND(name, arguments, minimum, handler, help) {name, arguments, minimum, monitor_##handler, help},
#define INFO(name, handler, help)
#include "frontend/monitor.def"
#undef COMMAND
#undef INFO
};

static const struct command subjects[] = {
#define COMMAND(name, arguments, minimum, handler, help)
#define INFO(name, handler, help) {name, "", 0, monitor_info_##handler, help},
#include "frontend/monitor.def"
#undef COMMAND
#undef INFO
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))
#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

/* What fingers know from other monitors and debuggers. */
static const struct {
    const char *name, *means;
} aliases[] = {
    {"?", "help"},
    {"h", "help"},
    {"i", "info"},
    {"p", "print"},
    {"c", "cont"},
    {"s", "step"},
    {"si", "step"},
    {"stepi", "step"},
    {"q", "quit"},
    {"u", "disas"},
    {"exit", "quit"},
    {"continue", "cont"},
    {"reset", "system_reset"},
};

bool monitor_init(struct monitor *m, struct machine *machine)
{
    *m = (struct monitor){.machine = machine, .examine = {'x', 4}};
    m->disasm = disasm_create();
    return m->disasm;
}

void monitor_free(struct monitor *m)
{
    disasm_destroy(m->disasm);
    m->disasm = NULL;
    while (m->moments)
        ptdump_free(&m->moment[--m->moments].dump);
}

/* ---- For the commands ---- */

static bool find_symbol(void *symbols, const char *name, u64 *address)
{
    return symbols_address(symbols, name, address);
}

struct expression_context monitor_expressions(const struct monitor *m)
{
    return (struct expression_context){machine_cpu(m->machine), m->symbols ? find_symbol : NULL, m->symbols};
}

bool monitor_value(struct monitor *m, const char *text, u64 *value, struct reply *r)
{
    struct expression_context context = monitor_expressions(m);
    char why[256];

    return expression_value(&context, text, value, why, sizeof(why)) || reply_error(r, "%s", why);
}

bool monitor_word(struct monitor *m, const char **text, u64 *value, struct reply *r)
{
    struct expression_context context = monitor_expressions(m);
    char why[256];

    if (!expression_word(&context, *text, text, value, why, sizeof(why)))
        return reply_error(r, "%s", why);
    while (isblank((unsigned char)**text))
        (*text)++;
    return true;
}

static bool in_long_mode(struct monitor *m)
{
    enum cpu_mode mode = cpu_mode(machine_cpu(m->machine));

    return mode == MODE_LONG64 || mode == MODE_COMPAT;
}

bool monitor_address(struct monitor *m, const char *text, u64 *address, struct reply *r)
{
    if (!monitor_value(m, text, address, r))
        return false;
    if (*address >> 32 && !in_long_mode(m))
        return reply_error(r, "0x%llx: linear addresses end at 4 GiB outside of long mode",
                           (unsigned long long)*address);
    return true;
}

void monitor_symbol(const struct monitor *m, u64 address, char *to, size_t size)
{
    char name[160];
    struct text t = TEXT_OVER(name);

    *to = '\0';
    if (!m->symbols || !symbols_text(m->symbols, address, &t))
        return;
    text_end(&t);
    snprintf(to, size, " <%s>", name);
}

unsigned monitor_code_bits(struct monitor *m)
{
    struct cpu_state s;

    if (cpu_mode(machine_cpu(m->machine)) == MODE_LONG64)
        return 64;
    cpu_get_state(machine_cpu(m->machine), &s);
    return s.seg[SEG_CS].attributes & ATTR_DB ? 32 : 16;
}

u64 monitor_pc(struct monitor *m)
{
    struct cpu_state s;

    cpu_get_state(machine_cpu(m->machine), &s);
    return monitor_code_bits(m) == 64 ? s.rip : (u32)(s.seg[SEG_CS].base + s.rip);
}

unsigned monitor_digits(struct monitor *m) { return in_long_mode(m) ? 16 : 8; }

void monitor_bits(struct reply *r, const char *key, u64 value, const char *const *table, unsigned bits)
{
    reply_list(r, key);
    for (unsigned i = bits; i-- > 0;)
        if (table[i] && value >> i & 1)
            reply_item(r, table[i]);
    reply_list_end(r);
}

/* ---- Finding ---- */

static const struct command *find(const struct command *list, size_t n, const char *name, size_t length)
{
    const struct command *only = NULL;

    for (size_t i = 0; i < n; i++) {
        if (strncmp(list[i].name, name, length) != 0)
            continue;
        if (strlen(list[i].name) == length)
            return &list[i];
        only = only ? list + n : &list[i]; /* a beginning will do, if it is of one name only */
    }
    return only;
}

static const struct command *find_command(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strlen(aliases[i].name) == length && !memcmp(aliases[i].name, name, length))
            return find(commands, COMMANDS, aliases[i].means, strlen(aliases[i].means));
    return find(commands, COMMANDS, name, length);
}

static bool not_found(struct reply *r, const struct command *found, const struct command *list, size_t n,
                      const char *name, size_t length, const char *what)
{
    char names[256] = "";

    if (!found)
        return reply_error(r, "%.*s: no such %s; help lists them", length > 60 ? 60 : (int)length, name, what);
    for (size_t i = 0, at = 0; i < n && at < sizeof(names); i++)
        if (!strncmp(list[i].name, name, length))
            at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", at ? ", " : "", list[i].name);
    return reply_error(r, "%.*s: which of %s?", (int)length, name, names);
}

/* The length of the first word. The format of `x/4gx` is none of its name. */
static size_t word_length(const char *line)
{
    size_t n = strcspn(line, " \t");
    const char *slash = memchr(line, '/', n);

    return slash && slash > line ? (size_t)(slash - line) : n;
}

static unsigned count_words(const char *text)
{
    unsigned n = 0;

    while (*text) {
        n++;
        text += strcspn(text, " \t");
        text += strspn(text, " \t");
    }
    return n;
}

static void run(struct monitor *m, const struct command *c, const char *arguments, struct reply *r)
{
    if (count_words(arguments) < c->minimum) {
        reply_error(r, "%s: needs %s", c->name, c->arguments);
    } else if (!*c->arguments && *arguments) {
        reply_error(r, "%s: takes no argument", c->name);
    } else {
        c->handler(m, arguments, r);
    }
}

/* A copy without blanks around it, and without the --json at its end. False if it does not fit. */
static bool tidy(const char *line, char *to, size_t size, bool *json)
{
    static const char flag[] = "--json";
    size_t n;

    line += strspn(line, " \t");
    n = strcspn(line, "\r\n");
    *json = false;
    for (int i = 0; i < 2; i++) {
        while (n && isblank((unsigned char)line[n - 1]))
            n--;
        if (i || n < sizeof(flag) - 1 || memcmp(line + n - (sizeof(flag) - 1), flag, sizeof(flag) - 1) != 0 ||
            (n > sizeof(flag) - 1 && !isblank((unsigned char)line[n - sizeof(flag)])))
            break;
        *json = true;
        n -= sizeof(flag) - 1;
    }
    if (n >= size)
        return false;
    memcpy(to, line, n);
    to[n] = '\0';
    return true;
}

bool monitor_command(struct monitor *m, const char *line, struct reply *r)
{
    const struct command *c;
    char tidied[MONITOR_LINE];
    bool json, fits = tidy(line, tidied, sizeof(tidied), &json);
    size_t n;

    if (json && !r->json) {
        reply_free(r);
        reply_init(r, true);
    }
    if (!fits)
        return reply_error(r, "a line of more than %u characters", MONITOR_LINE - 1);
    if (!*tidied)
        return true;
    if (m->symbols)
        symbols_follow(m->symbols, machine_cpu(m->machine), machine_phys(m->machine));
    n = word_length(tidied);
    c = find_command(tidied, n);
    if (!c || c == commands + COMMANDS)
        return not_found(r, c, commands, COMMANDS, tidied, n, "command");
    run(m, c, tidied + n + strspn(tidied + n, " \t"), r);
    return !r->error;
}

void monitor_info(struct monitor *m, const char *arguments, struct reply *r)
{
    size_t n = strcspn(arguments, " \t");
    const struct command *c = find(subjects, SUBJECTS, arguments, n);

    if (!n)
        monitor_help(m, "info", r);
    else if (!c || c == subjects + SUBJECTS)
        not_found(r, c, subjects, SUBJECTS, arguments, n, "subject of info");
    else
        run(m, c, arguments + n + strspn(arguments + n, " \t"), r);
}

/* ---- Help ---- */

static void help_row(struct reply *r, const struct command *c, const char *before)
{
    char usage[80];

    snprintf(usage, sizeof(usage), "%s%s%s%s", before, c->name, *c->arguments ? " " : "", c->arguments);
    reply_row(r);
    reply_string(r, "command", usage);
    reply_string(r, "help", c->help);
}

void monitor_help(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {"command", "help", NULL};
    size_t n = strlen(arguments);
    const struct command *c = n ? find_command(arguments, n) : NULL;
    bool info = c && c->handler == monitor_info;

    (void)m;
    if (n && (!c || c == commands + COMMANDS)) {
        not_found(r, c, commands, COMMANDS, arguments, n, "command");
        return;
    }
    reply_table(r, "commands", columns);
    for (size_t i = 0; i < COMMANDS && !info; i++)
        if (!c || c == &commands[i])
            help_row(r, &commands[i], "");
    for (size_t i = 0; i < SUBJECTS && (!c || info); i++)
        help_row(r, &subjects[i], "info ");
    reply_table_end(r);
    if (!c)
        reply_say(r, "note", "Commands may be cut short. Addresses are expressions. --json at the end: as JSON.");
}

/* ---- Completion ---- */

/* Is `candidate` the n-th that begins so? Counts n down. */
static bool offers(const char *candidate, const char *begin, size_t length, unsigned *n, const char *before, char *to,
                   size_t size)
{
    if (strncmp(candidate, begin, length) != 0 || (*n)--)
        return false;
    snprintf(to, size, "%s%s", before, candidate);
    return true;
}

static bool complete_list(const struct command *list, size_t count, const char *begin, unsigned n, char *to,
                          size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (offers(list[i].name, begin, strlen(begin), &n, "", to, size))
            return true;
    return false;
}

/* The last of keys that are pressed together. */
static bool complete_key(const char *word, unsigned n, char *to, size_t size)
{
    const char *dash = strrchr(word, '-'), *begin = dash ? dash + 1 : word;
    char before[80];

    snprintf(before, sizeof(before), "%.*s", (int)(begin - word), word);
    for (unsigned key = 0; key < 256; key++)
        if (keys_name(key) && offers(keys_name(key), begin, strlen(begin), &n, before, to, size))
            return true;
    return false;
}

/* Registers are the only names that can be listed. */
static bool complete_register(const char *word, unsigned n, char *to, size_t size)
{
    const char *begin = word + strlen(word);
    char before[80];

    while (begin > word && (isalnum((unsigned char)begin[-1]) || begin[-1] == '_'))
        begin--;
    snprintf(before, sizeof(before), "%.*s", (int)(begin - word), word);
    for (unsigned i = 0; *begin && expression_register(i); i++)
        if (offers(expression_register(i), begin, strlen(begin), &n, before, to, size))
            return true;
    return false;
}

bool monitor_complete(const struct monitor *m, const char *line, unsigned n, char *to, size_t size)
{
    const struct command *c;
    const char *word;
    size_t first;

    (void)m;
    line += strspn(line, " \t");
    first = strcspn(line, " \t");
    word = line + strlen(line);
    while (word > line && !isblank((unsigned char)word[-1]))
        word--;
    if (word == line)
        return complete_list(commands, COMMANDS, word, n, to, size);
    c = find_command(line, word_length(line) < first ? word_length(line) : first);
    if (!c || c == commands + COMMANDS)
        return false;
    if (c->handler == monitor_info)
        return complete_list(subjects, SUBJECTS, word, n, to, size);
    if (c->handler == monitor_help)
        return complete_list(commands, COMMANDS, word, n, to, size);
    if (c->handler == monitor_sendkey)
        return complete_key(word, n, to, size);
    return complete_register(word, n, to, size);
}
