/* SPDX-License-Identifier: MIT */
/* The serial port, and the ways out of the machine. */
#include "demo.h"
#include "port.h"

enum { COM1 = 0x3F8, COM1_LCR = COM1 + 3, COM1_LSR = COM1 + 5 };
enum { LSR_THRE = 0x20, LSR_TEMT = 0x40, LCR_DLAB = 0x80, LCR_8N1 = 3 };
enum { DEBUG_EXIT = 0xF4, SHUTDOWN_PORT = 0x8900 };
enum { COLUMNS = 80, LINE_MAX = 512 };

void console_init(void)
{
    port_write(COM1 + 1, 0);
    port_write(COM1_LCR, LCR_DLAB);
    port_write(COM1, 1); /* 115200 baud */
    port_write(COM1 + 1, 0);
    port_write(COM1_LCR, LCR_8N1);
    port_write(COM1 + 2, 7);
}

static void put(char c)
{
    if (c == '\n')
        put('\r');
    while (!(port_read(COM1_LSR) & LSR_THRE))
        ;
    port_write(COM1, (u8)c);
}

void print(const char *format, ...)
{
    char line[LINE_MAX];
    va_list args;

    va_start(args, format);
    text_format(line, sizeof(line), format, args);
    va_end(args);
    for (const char *c = line; *c; c++)
        put(*c);
}

/* The lead, then the text; lines that would be too long are broken between words and indented like the first. */
void say_list(const char *lead, const char *format, va_list args)
{
    char text[LINE_MAX];
    size_t indent = text_length(lead), column = indent;

    text_format(text, sizeof(text), format, args);
    print("%s", lead);
    for (const char *word = text; *word;) {
        size_t length = 0;

        while (word[length] && word[length] != ' ')
            length++;
        if (column > indent && column + 1 + length > COLUMNS) {
            put('\n');
            for (column = 0; column < indent; column++)
                put(' ');
        } else if (column > indent) {
            put(' ');
            column++;
        }
        for (size_t i = 0; i < length; i++)
            put(word[i]);
        column += length;
        word += length;
        while (*word == ' ')
            word++;
    }
    put('\n');
}

void say(const char *lead, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_list(lead, format, args);
    va_end(args);
}

/* Emulators end at the text on port 8900h or at a byte on port F4h; a machine that knows neither halts. */
void shut_down(int failed)
{
    while (!(port_read(COM1_LSR) & LSR_TEMT)) /* the last characters are still on their way */
        ;
    if (!failed)
        for (const char *c = "Shutdown"; *c; c++)
            port_write(SHUTDOWN_PORT, (u8)*c);
    port_write(DEBUG_EXIT, (u8)failed);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_list("kernel panic: ", format, args);
    va_end(args);
    shut_down(1);
}
