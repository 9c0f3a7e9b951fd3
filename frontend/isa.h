/* SPDX-License-Identifier: MIT */
/* `faultline isa`: the instruction list. */
#ifndef FAULTLINE_FRONTEND_ISA_H
#define FAULTLINE_FRONTEND_ISA_H

/* The command line from "isa" on; returns the exit status. */
int isa_command(int argc, char **argv);

#endif
