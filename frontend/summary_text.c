/* SPDX-License-Identifier: MIT */
#include "frontend/summary.h"

#include <string.h>

#define SHOWN 10u /* rows of a table */
#define BAR 40u   /* characters of a full bar */

static const char *grouped(u64 value, char buffer[32])
{
    struct text t = {buffer, buffer + 32};

    text_grouped(&t, value);
    text_end(&t);
    return buffer;
}

static u64 cause_total(const struct summary *s, unsigned cause)
{
    u64 n = 0;

    for (unsigned o = 0; o < s->outcomes.count; o++)
        n += s->count[cause][o];
    return n;
}

static u64 outcome_total(const struct summary *s, unsigned outcome)
{
    u64 n = 0;

    for (unsigned c = 0; c < s->causes.count; c++)
        n += s->count[c][outcome];
    return n;
}

/* The cost that `percent` of the handled faults do not exceed. */
static u64 percentile(const struct summary *s, unsigned percent)
{
    return s->costs ? s->cost[(s->costs - 1) * percent / 100] : 0;
}

/* ---- Text ---- */

static void print_causes(const struct summary *s, FILE *to)
{
    fprintf(to, "\n%-20s", "cause");
    for (unsigned o = 0; o < s->outcomes.count; o++)
        fprintf(to, " %13s", s->outcomes.name[o]);
    fprintf(to, " %13s\n", "all");
    for (unsigned c = 0; c < s->causes.count; c++) {
        fprintf(to, "%-20s", s->causes.name[c]);
        for (unsigned o = 0; o < s->outcomes.count; o++)
            fprintf(to, " %13llu", (unsigned long long)s->count[c][o]);
        fprintf(to, " %13llu\n", (unsigned long long)cause_total(s, c));
    }
}

static void print_costs(const struct summary *s, FILE *to)
{
    u64 most = 0, bucket[64] = {0};

    if (!s->costs)
        return;
    for (u64 i = 0; i < s->costs; i++) {
        unsigned b = 63 - (unsigned)__builtin_clzll(s->cost[i] | 1);

        most = ++bucket[b] > most ? bucket[b] : most;
    }
    fprintf(to,
            "\nInstructions from fault to return: half take at most %llu, 90 %% %llu, 99 %% %llu, the longest %llu\n",
            (unsigned long long)percentile(s, 50), (unsigned long long)percentile(s, 90),
            (unsigned long long)percentile(s, 99), (unsigned long long)percentile(s, 100));
    for (unsigned b = 0; b < 64; b++) {
        unsigned length = (unsigned)((bucket[b] * BAR + most - 1) / most);

        if (bucket[b])
            fprintf(to, "%12llu.. %10llu %.*s\n", 1ull << b, (unsigned long long)bucket[b], (int)length,
                    "########################################");
    }
}

static void print_counters(const char *title, const struct counters *c, bool hex, FILE *to)
{
    if (!c->count)
        return;
    fprintf(to, "\n%-20s %10s %10s %14s\n", title, "faults", "at CPL 3", "insns each");
    for (u32 i = 0; i < c->count && i < SHOWN; i++) {
        const struct counter *x = &c->table[i];
        char key[24] = "";

        if (hex)
            snprintf(key, sizeof(key), "%#llx", (unsigned long long)x->key);
        fprintf(to, "%-20s %10llu %10llu ", key, (unsigned long long)x->faults, (unsigned long long)x->user);
        if (x->handled)
            fprintf(to, "%14llu", (unsigned long long)(x->instructions / x->handled));
        else
            fprintf(to, "%14s", "-");
        fprintf(to, "%s%s\n", *x->label ? "  " : "", x->label);
    }
    if (c->count > SHOWN)
        fprintf(to, "... and %u more\n", c->count - SHOWN);
}

void summary_print(const struct summary *s, const char *name, FILE *to)
{
    char number[3][32];

    fprintf(to, "%s: %s page faults", name, grouped(s->faults, number[0]));
    if (s->records != s->faults)
        fprintf(to, ", %s other records", grouped(s->records - s->faults, number[1]));
    fputc('\n', to);
    if (s->stories)
        fputs("\nThe run came to a triple fault:\n", to);
    for (unsigned i = 0; i < s->stories; i++)
        fprintf(to, "  %s\n", s->story[i]);
    if (!s->faults)
        return;
    fprintf(to, "From %.6f s to %.6f s of guest time, %s instructions; %s at CPL 3; %u address spaces\n",
            (double)s->first_ns / 1e9, (double)s->last_ns / 1e9, grouped(s->last_icount - s->first_icount, number[0]),
            grouped(s->user, number[1]), s->spaces.count);
    print_causes(s, to);
    print_costs(s, to);
    print_counters("instruction at", &s->places, true, to);
    print_counters("address space", &s->spaces, true, to);
    print_counters("last writer", &s->writers, false, to);
}

/* ---- JSON ---- */

static void put_string(const char *s, FILE *to)
{
    fputc('"', to);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', to);
        fputc((unsigned char)*s < 0x20 ? '?' : *s, to);
    }
    fputc('"', to);
}

static void json_counters(const char *title, const struct counters *c, FILE *to)
{
    fprintf(to, ",\"%s\":[", title);
    for (u32 i = 0; i < c->count; i++) {
        const struct counter *x = &c->table[i];

        fprintf(to, "%s{\"key\":\"%#llx\",\"faults\":%llu,\"user\":%llu,\"handled\":%llu,\"instructions\":%llu,",
                i ? "," : "", (unsigned long long)x->key, (unsigned long long)x->faults, (unsigned long long)x->user,
                (unsigned long long)x->handled, (unsigned long long)x->instructions);
        fprintf(to, "\"first_ns\":%llu,\"last_ns\":%llu,\"label\":", (unsigned long long)x->first_ns,
                (unsigned long long)x->last_ns);
        put_string(x->label, to);
        fputc('}', to);
    }
    fputc(']', to);
}

static void json_totals(const char *title, const struct names *names, const struct summary *s,
                        u64 (*total)(const struct summary *, unsigned), FILE *to)
{
    fprintf(to, ",\"%s\":{", title);
    for (unsigned i = 0; i < names->count; i++) {
        fputs(i ? "," : "", to);
        put_string(names->name[i], to);
        fprintf(to, ":%llu", (unsigned long long)total(s, i));
    }
    fputc('}', to);
}

static void json_pairs(const struct summary *s, FILE *to)
{
    bool first = true;

    fputs(",\"cause_outcome\":[", to);
    for (unsigned c = 0; c < s->causes.count; c++) {
        for (unsigned o = 0; o < s->outcomes.count; o++) {
            if (!s->count[c][o])
                continue;
            fputs(first ? "{\"cause\":" : ",{\"cause\":", to);
            put_string(s->causes.name[c], to);
            fputs(",\"outcome\":", to);
            put_string(s->outcomes.name[o], to);
            fprintf(to, ",\"faults\":%llu}", (unsigned long long)s->count[c][o]);
            first = false;
        }
    }
    fputc(']', to);
}

void summary_json(const struct summary *s, const char *name, FILE *to)
{
    static const unsigned percents[] = {50, 90, 99, 100};

    fputs("{\"trace\":", to);
    put_string(name, to);
    fprintf(to, ",\"records\":%llu,\"faults\":%llu,\"user\":%llu", (unsigned long long)s->records,
            (unsigned long long)s->faults, (unsigned long long)s->user);
    if (s->faults)
        fprintf(to, ",\"first_icount\":%llu,\"last_icount\":%llu,\"first_ns\":%llu,\"last_ns\":%llu",
                (unsigned long long)s->first_icount, (unsigned long long)s->last_icount,
                (unsigned long long)s->first_ns, (unsigned long long)s->last_ns);
    json_totals("causes", &s->causes, s, cause_total, to);
    json_totals("outcomes", &s->outcomes, s, outcome_total, to);
    json_pairs(s, to);
    fputs(",\"handler_instructions\":{", to);
    for (int i = 0; i < 4; i++)
        fprintf(to, "%s\"p%u\":%llu", i ? "," : "", percents[i], (unsigned long long)percentile(s, percents[i]));
    fputc('}', to);
    json_counters("places", &s->places, to);
    json_counters("spaces", &s->spaces, to);
    json_counters("writers", &s->writers, to);
    fputs(",\"triple_fault\":[", to);
    for (unsigned i = 0; i < s->stories; i++) {
        fputs(i ? "," : "", to);
        put_string(s->story[i], to);
    }
    fputs("]}\n", to);
}
