/* SPDX-License-Identifier: MIT */
/*
 * A fault record as a row of typed cells, which is what trace files hold: readers make rows, writers take them, and
 * neither knows what a column means. fields.def names the columns we write; a file may have others, which go along.
 */
#ifndef FAULTLINE_FRONTEND_TRACE_H
#define FAULTLINE_FRONTEND_TRACE_H

#include "frontend/record.h"

#define TRACE_COLUMNS 96u   /* of a schema, at most */
#define TRACE_NAME 40u      /* bytes of a column's name with its NUL, at most */
#define TRACE_SCRATCH 16384u /* bytes of texts in a row made from a record, at most */

/* The values are those of .flt files. */
enum column_type {
    COLUMN_NUMBER = 'n', /* unsigned */
    COLUMN_HEX = 'x',    /* unsigned; as text it has 0x */
    COLUMN_NAME = 's',   /* one of few words */
    COLUMN_QUOTED = 'q', /* text */
    COLUMN_PROSE = 'p',  /* text with numbers in it */
    COLUMN_LIST = 'l',   /* words joined by ";"; never null */
    COLUMN_BYTES = 'b',  /* hexadecimal digits; never null */
    COLUMN_WALK = 'w',   /* one column at most */
    COLUMN_JSON = 'j',   /* any JSON value, as its text */
};

struct trace_column {
    enum column_type type;
    char name[TRACE_NAME];
    char key[TRACE_NAME + 4]; /* ,"name": */
    u8 key_size;
};

struct trace_schema {
    unsigned count;
    struct trace_column column[TRACE_COLUMNS];
    int walk; /* which column has that type, or -1 */
};

struct trace_cell {
    bool known; /* else null */
    u32 size;   /* of text */
    union {
        u64 number;       /* COLUMN_NUMBER, COLUMN_HEX */
        const char *text; /* the others but COLUMN_WALK; not terminated, without control characters */
    };
};

struct trace_walk {
    unsigned steps; /* at most WALK_MAX_STEPS */
    struct walk_step step[WALK_MAX_STEPS];
};

struct trace_row {
    struct trace_cell cell[TRACE_COLUMNS];
    struct trace_walk walk; /* the cell of a COLUMN_WALK is always known */
};

enum trace_format { TRACE_NONE, TRACE_JSONL, TRACE_CSV, TRACE_FLT, TRACE_PERFETTO };

/* By the name's ending: .jsonl, .csv, .flt, .json; TRACE_NONE for any other. */
enum trace_format trace_format_of(const char *path);

/* The columns of fields.def. */
void trace_schema_init(struct trace_schema *);
/* False if there are too many, the name is too long, empty or there already, or it is a second walk. */
bool trace_schema_add(struct trace_schema *, const char *name, size_t size, enum column_type);
int trace_schema_find(const struct trace_schema *, const char *name, size_t size); /* -1: none */
bool column_is_number(enum column_type);
/* The column of that name, if it holds numbers, or texts; else -1. */
int trace_number_column(const struct trace_schema *, const char *name);
int trace_text_column(const struct trace_schema *, const char *name);
/* A row's number there; 0 if it has none. */
u64 trace_number(const struct trace_row *, int column);
/* Has it one? */
bool trace_known(const struct trace_row *, int column);

/* A record of ours by fields.def. Texts are static or in `scratch`, or `line`'s. */
void trace_row_of(struct trace_row *, const struct record *, const struct disasm_line *line,
                  char scratch[TRACE_SCRATCH]);

/* The row as text appends at most this many bytes. */
size_t trace_row_bound(const struct trace_schema *, const struct trace_row *);
void json_row(struct text *, const struct trace_schema *, const struct trace_row *);
void csv_columns(struct text *, const struct trace_schema *); /* the first line */
void csv_row(struct text *, const struct trace_schema *, const struct trace_row *);

#endif
