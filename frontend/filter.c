/* SPDX-License-Identifier: MIT */
#include "frontend/filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "frontend/filter_value.h"

#define DEPTH_MAX 32u
#define WORD_MAX 64u
#define NO_KEY FIELD_COUNT

/* ---- Parsing ---- */

struct parser {
    struct filter *f;
    const char *text, *at;
    enum filter_moment moment;
    unsigned depth;
    char *why;
    size_t size;
};

static bool __attribute__((format(printf, 3, 4))) refuse(struct parser *p, const char *at, const char *format, ...)
{
    va_list args;
    int n = snprintf(p->why, p->size, "column %d: ", (int)(at - p->text) + 1);

    if (n >= 0 && (size_t)n < p->size) {
        va_start(args, format);
        vsnprintf(p->why + n, p->size - (size_t)n, format, args);
        va_end(args);
    }
    return false;
}

static void skip_blanks(struct parser *p) { p->at += strspn(p->at, " \t"); }

static bool take(struct parser *p, const char *token)
{
    skip_blanks(p);
    if (strncmp(p->at, token, strlen(token)) != 0)
        return false;
    p->at += strlen(token);
    return true;
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '#'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_inner(const char *c)
{
    return is_letter(*c) || is_digit(*c) || *c == '-' || (c[0] == '.' && c[1] != '.');
}

/* A word: a letter, then letters, digits, hyphens and single dots. Empty if none begins here. */
static void peek_word(struct parser *p, char word[WORD_MAX])
{
    unsigned n = 0;

    skip_blanks(p);
    if (is_letter(*p->at))
        while (n < WORD_MAX - 1 && is_inner(p->at + n))
            n++;
    memcpy(word, p->at, n);
    word[n] = '\0';
}

static bool take_word(struct parser *p, const char *wanted)
{
    char word[WORD_MAX];

    peek_word(p, word);
    if (strcmp(word, wanted) != 0)
        return false;
    p->at += strlen(word);
    return true;
}

static bool parse_number(struct parser *p, u64 *value)
{
    const char *digits, *set = "0123456789";
    int base = 10;
    size_t n;

    skip_blanks(p);
    digits = p->at;
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        digits += 2;
        set = "0123456789abcdefABCDEF";
        base = 16;
    }
    n = strspn(digits, set);
    if (!n || is_letter(digits[n]) || is_digit(digits[n]))
        return refuse(p, p->at, "a number is expected, decimal or 0x..");
    while (n > 1 && *digits == '0')
        digits++, n--;
    if (n > (base == 16 ? 16 : 20) || (n == 20 && strncmp(digits, "18446744073709551615", 20) > 0))
        return refuse(p, p->at, "the number has more than 64 bits");
    *value = strtoull(digits, NULL, base);
    p->at = digits + n;
    return true;
}

static enum field find_key(const char *word)
{
    if (!strcmp(word, "va"))
        return FIELD_cr2;
    if (!strcmp(word, "ec"))
        return FIELD_error;
    for (int f = 0; f < FIELD_COUNT; f++)
        if (!strcmp(word, field_name(f)))
            return f;
    return NO_KEY;
}

static bool parse_key(struct parser *p, enum field *key)
{
    char word[WORD_MAX];

    peek_word(p, word);
    if (!*word)
        return refuse(p, p->at,
                      *p->at ? "a key of the trace is expected" : "a key of the trace is expected, not the end");
    *key = find_key(word);
    if (*key == NO_KEY)
        return refuse(p, p->at, "'%s' is no key of the trace", word);
    if (field_type(*key) == FIELD_OPAQUE)
        return refuse(p, p->at, "'%s' cannot be compared", word);
    if (p->moment == FILTER_AT_FAULT && field_is_of_outcome(*key))
        return refuse(p, p->at, "'%s' is not known yet when the fault is raised", word);
    p->at += strlen(word);
    return true;
}

/* The words of a condition are kept in it: it outlives the text. */
static bool keep_word(struct parser *p, const char *at, const char *word, size_t n, struct filter_operand *o)
{
    struct filter *f = p->f;

    if (n >= FILTER_WORDS - f->words_used)
        return refuse(p, at, "the names take more than %d characters", FILTER_WORDS);
    o->kind = FILTER_NAME;
    o->name = f->words_used;
    memcpy(f->words + f->words_used, word, n);
    f->words[f->words_used + n] = '\0';
    f->words_used += (unsigned)n + 1;
    return true;
}

static bool vector_by_name(const char *word, u64 *value)
{
    for (unsigned v = 0; v < 32; v++) {
        const char *name = vector_name(v);

        if (!name || (strcasecmp(word, name) != 0 && (name[0] != '#' || strcasecmp(word, name + 1) != 0)))
            continue;
        *value = v;
        return true;
    }
    return false;
}

static bool refuse_choice(struct parser *p, enum field key, const char *word)
{
    char choices[256];
    struct text t = TEXT_OVER(choices);
    const char *name;

    for (unsigned n = 0; (name = field_choice(key, n)); n++) {
        text_string(&t, n ? ", " : "");
        text_string(&t, name);
    }
    text_end(&t);
    if (!*word)
        return refuse(p, p->at, "a value of %s is expected: %s", field_name(key), choices);
    return refuse(p, p->at, "'%s' is no %s: %s", word, field_name(key), choices);
}

static bool parse_quoted(struct parser *p, struct filter_operand *o)
{
    const char *begin = p->at + 1, *end = strchr(begin, '"');

    if (!end)
        return refuse(p, p->at, "the quotation mark is not closed");
    if (!keep_word(p, p->at, begin, (size_t)(end - begin), o))
        return false;
    p->at = end + 1;
    return true;
}

static bool same_kind(enum field a, enum field b)
{
    bool number = field_type(a) == FIELD_NUMERIC;

    return number == (field_type(b) == FIELD_NUMERIC) && field_type(a) != FIELD_LISTED && field_type(b) != FIELD_LISTED;
}

/* One of the names that `key` can have. */
static bool parse_name(struct parser *p, enum field key, const char *word, struct filter_operand *o)
{
    const char *name;

    for (unsigned n = 0; (name = field_choice(key, n)); n++) {
        if (strcasecmp(word, name) != 0)
            continue;
        if (!keep_word(p, p->at, name, strlen(name), o))
            return false;
        p->at += strlen(word);
        return true;
    }
    if (field_choice(key, 0) || !*word)
        return refuse_choice(p, key, word);
    if (!keep_word(p, p->at, word, strlen(word), o))
        return false;
    p->at += strlen(word);
    return true;
}

/* What `key` is compared with. */
static bool parse_value(struct parser *p, enum field key, struct filter_operand *o)
{
    bool numeric = field_type(key) == FIELD_NUMERIC;
    char word[WORD_MAX];
    enum field other;

    *o = (struct filter_operand){.kind = FILTER_NULL};
    peek_word(p, word);
    if (!strcmp(word, "null")) {
        p->at += strlen(word);
        return true;
    }
    if (!numeric && *p->at == '"')
        return parse_quoted(p, o);
    other = *word ? find_key(word) : NO_KEY;
    if (other != NO_KEY && same_kind(key, other)) {
        *o = (struct filter_operand){.kind = FILTER_KEY, .key = (u8)other, .number = ~0ull};
        return parse_key(p, &other);
    }
    if (!numeric)
        return parse_name(p, key, word, o);
    o->kind = FILTER_NUMBER;
    if (*word && (key == FIELD_vector || key == FIELD_during) && vector_by_name(word, &o->number)) {
        p->at += strlen(word);
        return true;
    }
    if (*word)
        return refuse(p, p->at, "'%s' is no number, and %s is one", word, field_name(key));
    return parse_number(p, &o->number);
}

static bool parse_range(struct parser *p, enum field key, struct filter_node *n)
{
    const char *begin = p->at;

    n->kind = FILTER_RANGE;
    if (!parse_value(p, key, &n->b))
        return false;
    n->c = n->b;
    if (take(p, "..")) {
        skip_blanks(p);
        if (is_digit(*p->at) || is_letter(*p->at)) {
            if (!parse_value(p, key, &n->c))
                return false;
        } else {
            n->c = (struct filter_operand){.kind = FILTER_NUMBER, .number = UINT64_MAX};
        }
    } else if (take(p, "-") && !parse_value(p, key, &n->c)) {
        return false;
    }
    if (n->b.kind != FILTER_NUMBER || n->c.kind != FILTER_NUMBER)
        return refuse(p, begin, "a range is of two numbers: N..M or N-M");
    if (n->b.number > n->c.number)
        return refuse(p, begin, "the range ends before it begins");
    return true;
}

static bool parse_relation(struct parser *p, struct filter_node *n)
{
    static const struct {
        const char *token;
        u8 relation;
    } tokens[] = {{"==", FILTER_EQ}, {"!=", FILTER_NE}, {"<=", FILTER_LE}, {">=", FILTER_GE},
                  {"<", FILTER_LT},  {">", FILTER_GT},  {"=", FILTER_EQ}};

    for (unsigned i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        if (!take(p, tokens[i].token))
            continue;
        n->kind = FILTER_COMPARE;
        n->relation = tokens[i].relation;
        return true;
    }
    return false;
}

static bool add_node(struct parser *p, const struct filter_node *n, unsigned *index)
{
    if (p->f->nodes == FILTER_NODES)
        return refuse(p, p->at, "the condition has more than %d parts", FILTER_NODES);
    *index = p->f->nodes++;
    p->f->node[*index] = *n;
    return true;
}

static bool parse_comparison(struct parser *p, unsigned *index)
{
    struct filter_node n = {.kind = FILTER_TRUTH, .a = {.kind = FILTER_KEY, .number = ~0ull}};
    const char *relation;
    enum field key;
    enum field_type type;

    if (!parse_key(p, &key))
        return false;
    n.a.key = (u8)key;
    type = field_type(key);
    skip_blanks(p);
    relation = p->at;
    if (p->at[0] == '&' && p->at[1] != '&') {
        p->at++;
        if (type != FIELD_NUMERIC)
            return refuse(p, relation, "%s is no number, and has no bits", field_name(key));
        if (!parse_number(p, &n.a.number))
            return false;
        skip_blanks(p);
        relation = p->at;
    }
    if (take_word(p, "in")) {
        if (type != FIELD_NUMERIC)
            return refuse(p, relation, "%s is no number, and has no range", field_name(key));
        if (!parse_range(p, key, &n))
            return false;
    } else if (take_word(p, "has")) {
        if (type != FIELD_LISTED && type != FIELD_TEXT)
            return refuse(p, relation, "%s is no list: ==", field_name(key));
        n.kind = FILTER_HAS;
        if (!parse_value(p, key, &n.b))
            return false;
        if (n.b.kind != FILTER_NAME)
            return refuse(p, relation, "has: a name is expected");
    } else if (parse_relation(p, &n)) {
        if (type == FIELD_LISTED)
            return refuse(p, relation, "%s is a list: has", field_name(key));
        if (type != FIELD_NUMERIC && n.relation > FILTER_NE)
            return refuse(p, relation, "%s is no number: == or !=", field_name(key));
        if (!parse_value(p, key, &n.b))
            return false;
    }
    return add_node(p, &n, index);
}

static bool parse_or(struct parser *, unsigned *index);

static bool parse_term(struct parser *p, unsigned *index)
{
    struct filter_node n = {.kind = FILTER_NOT};
    const char *begin;
    unsigned inner;
    bool ok;

    skip_blanks(p);
    begin = p->at;
    if (p->depth == DEPTH_MAX)
        return refuse(p, begin, "nested more than %u deep", DEPTH_MAX);
    p->depth++;
    if (*p->at == '!') {
        p->at++;
        ok = parse_term(p, &inner);
        n.left = (u8)inner;
        ok = ok && add_node(p, &n, index);
    } else if (*p->at == '(') {
        p->at++;
        ok = parse_or(p, index);
        if (ok && !take(p, ")"))
            ok = refuse(p, p->at, "')' is missing, for the '(' of column %d", (int)(begin - p->text) + 1);
    } else {
        ok = parse_comparison(p, index);
    }
    p->depth--;
    return ok;
}

static bool parse_and(struct parser *p, unsigned *index)
{
    struct filter_node n = {.kind = FILTER_AND};
    unsigned right;

    if (!parse_term(p, index))
        return false;
    while (take(p, "&&")) {
        n.left = (u8)*index;
        if (!parse_term(p, &right))
            return false;
        n.right = (u8)right;
        if (!add_node(p, &n, index))
            return false;
    }
    return true;
}

static bool parse_or(struct parser *p, unsigned *index)
{
    struct filter_node n = {.kind = FILTER_OR};
    unsigned right;

    if (!parse_and(p, index))
        return false;
    while (take(p, "||")) {
        n.left = (u8)*index;
        if (!parse_and(p, &right))
            return false;
        n.right = (u8)right;
        if (!add_node(p, &n, index))
            return false;
    }
    return true;
}

bool filter_parse(struct filter *f, const char *text, enum filter_moment moment, char *why, size_t size)
{
    struct parser p = {.f = f, .text = text, .at = text, .moment = moment, .why = why, .size = size};

    f->nodes = f->words_used = 0;
    if (!parse_or(&p, &f->root))
        return false;
    skip_blanks(&p);
    return !*p.at || refuse(&p, p.at, "'%.16s' is too much: && or || is expected, or the end", p.at);
}

/* ---- Asking ---- */

static void operand_value(struct field_value *v, const struct filter *f, const struct filter_operand *o,
                          const struct record *r, const struct disasm_line *line)
{
    v->known = o->kind != FILTER_NULL;
    if (o->kind == FILTER_KEY) {
        field_value(v, o->key, r, line);
        v->number &= o->number;
    } else if (o->kind == FILTER_NUMBER) {
        v->number = o->number;
    } else if (o->kind == FILTER_NAME) {
        v->name = f->words + o->name;
    }
}

static bool equal(const struct field_value *a, const struct field_value *b, enum field_type type)
{
    if (!a->known || !b->known)
        return a->known == b->known;
    return type == FIELD_NUMERIC ? a->number == b->number : !strcmp(a->name, b->name);
}

static bool compare(const struct filter_node *n, const struct field_value *a, const struct field_value *b)
{
    enum field_type type = field_type(n->a.key);

    if (n->relation == FILTER_EQ || n->relation == FILTER_NE)
        return equal(a, b, type) == (n->relation == FILTER_EQ);
    if (!a->known || !b->known)
        return false;
    switch (n->relation) {
    case FILTER_LT: return a->number < b->number;
    case FILTER_LE: return a->number <= b->number;
    case FILTER_GT: return a->number > b->number;
    default: return a->number >= b->number;
    }
}

static bool list_has(const char *list, const char *item)
{
    size_t n = strlen(item);

    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if (!strncmp(list, item, n) && (list[n] == ',' || !list[n]))
            return true;
    return false;
}

static bool truth(const struct field_value *v, enum field_type type)
{
    if (!v->known)
        return false;
    return type == FIELD_NUMERIC ? v->number != 0 : type == FIELD_LISTED ? v->list[0] != '\0' : true;
}

/* At most FILTER_NODES deep: a node's children were made before it. */
static bool holds(const struct filter *f, unsigned index, const struct record *r, const struct disasm_line *line)
{
    const struct filter_node *n = &f->node[index];
    struct field_value a, b;

    if (n->kind == FILTER_OR)
        return holds(f, n->left, r, line) || holds(f, n->right, r, line);
    if (n->kind == FILTER_AND)
        return holds(f, n->left, r, line) && holds(f, n->right, r, line);
    if (n->kind == FILTER_NOT)
        return !holds(f, n->left, r, line);
    operand_value(&a, f, &n->a, r, line);
    switch (n->kind) {
    case FILTER_TRUTH: return truth(&a, field_type(n->a.key));
    case FILTER_RANGE: return a.known && a.number >= n->b.number && a.number <= n->c.number;
    case FILTER_HAS:
        if (!a.known)
            return false;
        return field_type(n->a.key) == FIELD_LISTED ? list_has(a.list, f->words + n->b.name)
                                                    : strstr(a.name, f->words + n->b.name) != NULL;
    default: operand_value(&b, f, &n->b, r, line); return compare(n, &a, &b);
    }
}

bool filter_matches(const struct filter *f, const struct record *r, const struct disasm_line *line)
{
    return holds(f, f->root, r, line);
}
