/* SPDX-License-Identifier: MIT */
#include "frontend/terminal.h"

#include <unistd.h>

void terminal_enter(struct terminal *t, int fd, bool raw)
{
    struct termios now;

    t->fd = fd;
    if (!isatty(fd) || tcgetattr(fd, &t->before) != 0 || tcgetpgrp(fd) != getpgrp())
        return;
    now = t->before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO | (raw ? ISIG | IEXTEN : 0));
    if (raw)
        now.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON | ISTRIP | BRKINT);
    else
        now.c_iflag &= ~(tcflag_t)ICRNL;
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    t->changed = true;
    tcsetattr(fd, TCSANOW, &now);
}

void terminal_leave(struct terminal *t)
{
    if (!t->changed)
        return;
    t->changed = false;
    tcsetattr(t->fd, TCSANOW, &t->before);
}
