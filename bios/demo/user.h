/* SPDX-License-Identifier: MIT */
/* What the kernel and its programs have agreed on: system calls (INT 80h, number in RAX), addresses, parts to play. */
#ifndef DEMO_USER_H
#define DEMO_USER_H

enum system_call {
    SYS_EXIT,    /* () ends the process */
    SYS_YIELD,   /* () lets the others have a turn */
    SYS_WRITE,   /* (text, length) -> 0, or -1 if the text cannot be read */
    SYS_FORK,    /* () -> the child's number, and 0 in the child */
    SYS_EVICT,   /* (address) sends the page to the disk, as a kernel short of memory would */
    SYS_FRAME,   /* (address) -> the number of the physical frame behind it, 0 if there is none */
    SYS_HANDLER, /* (function) to be called with the address after an access violation, instead of the end */
    SYS_CHECK,   /* (truth) the process found something as it should be, or not */
};

#define PROGRAM_START 0x400000ul
#define HEAP_START 0x600000ul
#define HEAP_END 0x608000ul
#define STACK_END 0x7FFFFFFFF000ul   /* the stack begins here and grows down, */
#define STACK_LIMIT 0x7FFFFFFF7000ul /* but not below this */
#define USER_TEXT_MAX 400

enum role {
    ROLE_NEWBORN,
    ROLE_ZERO,
    ROLE_STACK,
    ROLE_DISK,
    ROLE_NEIGHBOUR,
    ROLE_TWIN_A,
    ROLE_TWIN_B,
    ROLE_FORK,
    ROLE_BORROWED_HANDS,
    ROLE_WITNESS,
    ROLE_NULL,
    ROLE_READ_ONLY,
    ROLE_KERNEL,
    ROLE_NO_EXECUTE,
    ROLE_FAR_BELOW,
    ROLE_CAREFUL,
};

#endif
