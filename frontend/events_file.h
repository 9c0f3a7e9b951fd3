/* SPDX-License-Identifier: MIT */
/* Recordings on paper: the format of events.h. */
#ifndef FAULTLINE_FRONTEND_EVENTS_FILE_H
#define FAULTLINE_FRONTEND_EVENTS_FILE_H

#include "frontend/events.h"

void events_write(struct events *, const struct input_event *);
void events_write_end(struct events *, u64 icount, u64 ns);

#endif
