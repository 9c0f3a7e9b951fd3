/* SPDX-License-Identifier: MIT */
#include "frontend/isa.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cpu/isa_list.h"
#include "frontend/options.h"
#include "frontend/run.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };

static const char help_text[] =
    "usage: faultline isa [--json | --csv] [MNEMONIC | FEATURE ..]\n\n"
    "Prints the instructions this processor knows: those of these mnemonics, or CPU features (as in -cpu +FEATURE), "
    "or\n"
    "all. A * at the end of a word stands for anything.\n\n"
    "  prefix       NP none, P66 PF3 PF2 mandatory; VNP V66 VF3 VF2: within a VEX prefix\n"
    "  modrm        n0..n7: /0../7; m, r: memory, register only; m0.. r0..: both; x(0xC1): this byte\n"
    "  operands     codes of the SDM's opcode map, and r, w, rw\n"
    "  attributes   LOCK may carry LOCK; I64, O64: not, only in 64-bit mode; D64, F64: operand size there; CPL0; PROT: "
    "not\n"
    "               in real and virtual-8086 mode; FPU, SSE, MMXR: state it needs; END: ends a trace; NO66: 66 is "
    "ignored;\n"
    "               WIDTH: byte form\n";

/* "0F 38 1C" */
static const char *opcode_text(u16 opcode, char text[12])
{
    unsigned map = opcode >> 8, byte = opcode & 0xff;

    if (map == 0)
        snprintf(text, 12, "%02X", byte);
    else if (map == 0x0f)
        snprintf(text, 12, "0F %02X", byte);
    else
        snprintf(text, 12, "0F %02X %02X", map, byte);
    return text;
}

/* "Ev:rw, Gv:r, Ib" */
static const char *operands_text(const struct isa_entry *e, char text[64])
{
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < 3 && *e->operand[i]; i++) {
        const char *access = i < 2 ? e->access[i] : "";

        used += (size_t)snprintf(text + used, 64 - used, "%s%s%s%s", used ? ", " : "", e->operand[i],
                                 *access ? ":" : "", access);
    }
    return text;
}

static bool fits(const char *word, const char *name)
{
    size_t n = strlen(word);

    if (n && word[n - 1] == '*')
        return strncasecmp(word, name, n - 1) == 0;
    return strcasecmp(word, name) == 0;
}

static bool wanted(const struct isa_entry *e, const char *word)
{
    return fits(word, e->mnemonic) || fits(word, e->row) || (*e->feature && fits(word, e->feature));
}

static void print_header(enum format format)
{
    if (format == FORMAT_TABLE)
        printf("%-9s %-6s %-7s %-16s %-22s %-16s %s\n", "opcode", "prefix", "modrm", "mnemonic", "operands", "feature",
               "attributes");
    else if (format == FORMAT_CSV)
        puts("opcode,prefix,modrm,mnemonic,operand1,access1,operand2,access2,operand3,feature,attributes");
    else
        puts("[");
}

/* No text of the list needs escaping, in JSON or CSV. */
static void print_entry(const struct isa_entry *e, enum format format, bool first)
{
    char opcode[12], operands[64];

    opcode_text(e->opcode, opcode);
    if (format == FORMAT_TABLE)
        printf("%-9s %-6s %-7s %-16s %-22s %-16s %s\n", opcode, e->prefix, e->modrm, e->mnemonic,
               operands_text(e, operands), e->feature, e->attributes);
    else if (format == FORMAT_CSV)
        printf("%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s\n", opcode, e->prefix, e->modrm, e->mnemonic, e->operand[0],
               e->access[0], e->operand[1], e->access[1], e->operand[2], e->feature, e->attributes);
    else
        printf(
            "%s{\"opcode\":\"%s\",\"prefix\":\"%s\",\"modrm\":\"%s\",\"mnemonic\":\"%s\",\"operands\":[\"%s\",\"%s\","
            "\"%s\"],\"access\":[\"%s\",\"%s\"],\"feature\":\"%s\",\"attributes\":\"%s\"}",
            first ? "" : ",\n", opcode, e->prefix, e->modrm, e->mnemonic, e->operand[0], e->operand[1], e->operand[2],
            e->access[0], e->access[1], e->feature, e->attributes);
}

static int complain(const char *format, const char *word)
{
    char line[256];

    snprintf(line, sizeof(line), format, word);
    options_one_line(line);
    fprintf(stderr, "faultline: isa: %s\n", line);
    return EXIT_FILES;
}

/* A word that names nothing is a mistake. */
static int print_list(enum format format, int words, char **word)
{
    unsigned printed = 0;

    for (int i = 0; i < words; i++) {
        unsigned k = 0;

        for (; k < isa_list_count(); k++) {
            struct isa_entry e = isa_list_entry(k);

            if (wanted(&e, word[i]))
                break;
        }
        if (k == isa_list_count())
            return complain("'%s' is no instruction and no feature of the list", word[i]);
    }
    print_header(format);
    for (unsigned k = 0; k < isa_list_count(); k++) {
        struct isa_entry e = isa_list_entry(k);
        bool any = words == 0;

        for (int i = 0; i < words; i++)
            any |= wanted(&e, word[i]);
        if (any)
            print_entry(&e, format, printed++ == 0);
    }
    if (format == FORMAT_JSON)
        puts("\n]");
    return EXIT_GOOD;
}

int isa_command(int argc, char **argv)
{
    enum format format = FORMAT_TABLE;
    int words = 0, status = EXIT_GOOD;
    bool help = false;

    for (int i = 2; i < argc; i++) {
        const char *name = argv[i] + (argv[i][0] == '-') + (argv[i][0] == '-' && argv[i][1] == '-');

        if (argv[i][0] != '-')
            argv[2 + words++] = argv[i];
        else if (!strcmp(name, "json"))
            format = FORMAT_JSON;
        else if (!strcmp(name, "csv"))
            format = FORMAT_CSV;
        else if (!strcmp(name, "help") || !strcmp(name, "h"))
            help = true;
        else
            return complain("%s: unknown option; --json, --csv or --help", argv[i]);
    }
    if (help)
        fputs(help_text, stdout);
    else
        status = print_list(format, words, argv + 2);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "faultline: standard output: %s\n", strerror(errno));
    return EXIT_FILES;
}
