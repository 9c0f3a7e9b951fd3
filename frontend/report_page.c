/* SPDX-License-Identifier: MIT */
#include "frontend/report.h"

#include <stdio.h>

bool report_page(struct traces *t, struct output *o)
{
    (void)o;
    snprintf(t->why, sizeof(t->why), "-format: html is not available yet; text, json, perfetto, jsonl, csv or flt");
    return false;
}
