/* SPDX-License-Identifier: MIT */
/*
 * Which rows of the instruction list do the tests execute? In builds with MODE=coverage the run loop, which sees every
 * op there, tells of each; the notes are kept in the file FAULTLINE_COVERAGE_ROWS names, shared by all processes of a
 * test run: a line a row, "1" before those executed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpu/isa.h"

enum { LINE = 64 };

void coverage_row(unsigned row);

static char *lines;

static void write_list(int fd)
{
    for (unsigned i = 0; i < isa_row_count; i++) {
        const struct row *r = &isa_rows[i];
        char text[LINE], line[LINE + 1];

        snprintf(text, sizeof text, "0 %s %04x prefix %u modrm %04x", r->name, r->opcode, r->prefix, r->modrm);
        snprintf(line, sizeof line, "%-63.63s\n", text);
        if (write(fd, line, LINE) != LINE)
            abort();
    }
}

__attribute__((constructor)) static void open_list(void)
{
    const char *path = getenv("FAULTLINE_COVERAGE_ROWS");
    int fd = path ? open(path, O_RDWR | O_CREAT, 0666) : -1;
    struct stat st;
    void *map;

    if (fd < 0)
        return;
    flock(fd, LOCK_EX);
    if (!fstat(fd, &st) && st.st_size == 0)
        write_list(fd);
    flock(fd, LOCK_UN);
    map = mmap(NULL, (size_t)isa_row_count * LINE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        lines = map;
    close(fd);
}

void coverage_row(unsigned row)
{
    if (lines)
        lines[row * LINE] = '1';
}
