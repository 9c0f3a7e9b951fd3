/* SPDX-License-Identifier: MIT */
/* The report's page as data of the command, each file a string that ends in NUL (frontend/report_page.c). */
        .macro file name, path
        .globl report_\name
report_\name:
        .incbin "frontend/report/\path"
        .byte 0
        .endm
        .section .rodata
        file html, page.html
        file style, style.css
        file script_trace, trace.js
        file script_words, words.js
        file script_model, model.js
        file script_charts, charts.js
        file script_list, list.js
        file script_detail, detail.js
        file script_app, app.js
        .section .note.GNU-stack, "", %progbits
