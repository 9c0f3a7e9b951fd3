# SPDX-License-Identifier: MIT
# Lines "width name group emulator seconds checksum" (or "- reason") to the table of run.sh.

function median(key,    n, i, j, t, v) {
    n = split(times[key], v, " ")
    if (!n)
        return 0
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) {
            t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
        }
    return n % 2 ? v[(n + 1) / 2] + 0 : (v[n / 2] + v[n / 2 + 1]) / 2
}

function shown(value, digits) {
    return value > 0 ? sprintf("%." digits "f", value) : "-"
}

# A ratio goes into the geometric means of its group in its width and in both.
function gather(what, group, width, value,    i, w) {
    if (value <= 0)
        return
    for (i = 1; i <= 2; i++) {
        w = i == 1 ? width : "both"
        logs[what, group, w] += log(value)
        number[what, group, w]++
    }
}

function mean(what, group, width) {
    return number[what, group, width] ? exp(logs[what, group, width] / number[what, group, width]) : 0
}

{
    row = $1 " " $2
    if (!(row in group_of)) {
        rows[++row_count] = row
        group_of[row] = $3
    }
    if ($5 == "-") {
        problems = problems sprintf("%s-bit %s on %s: no result (%s)\n", $1, $2, $4, $6)
        next
    }
    times[row, $4] = times[row, $4] " " $5
    if ($4 == "insns")
        next
    if (!(row in sum))
        sum[row] = $6
    else if (sum[row] != $6)
        problems = problems sprintf("%s-bit %s on %s: checksum %s instead of %s\n", $1, $2, $4, $6, sum[row])
}

END {
    printf "%-18s %9s %9s %9s %9s %9s %10s\n", "workload", "Faultline", "QEMU", "Bochs", "x QEMU", "x Bochs", "host/guest"
    for (i = 1; i <= row_count; i++) {
        row = rows[i]
        split(row, part, " ")
        f = median(row SUBSEP "faultline")
        q = median(row SUBSEP "qemu")
        b = median(row SUBSEP "bochs")
        h = median(row SUBSEP "insns")
        to_q = q > 0 ? f / q : 0
        to_b = b > 0 ? f / b : 0
        gather("qemu", group_of[row], part[1], to_q)
        gather("bochs", group_of[row], part[1], to_b)
        gather("insns", group_of[row], part[1], h)
        printf "%s-bit %-11s %9s %9s %9s %9s %9s %10s\n", part[1], part[2], shown(f, 3), shown(q, 3), shown(b, 3),
            shown(to_q, 3), shown(to_b, 3), shown(h, 1)
    }
    printf "\n%-18s %19s %29s %29s\n", "geometric means", "x QEMU", "x Bochs", "host/guest"
    printf "%-18s %6s %6s %6s %9s %9s %9s %9s %9s %9s\n", "", "32", "64", "both", "32", "64", "both", "32", "64", "both"
    group_count = split("integer float memory system", groups, " ")
    split("32 64 both", widths, " ")
    split("qemu bochs insns", whats, " ")
    for (g = 1; g <= group_count; g++) {
        printf "%-18s", groups[g]
        for (k = 1; k <= 3; k++)
            for (w = 1; w <= 3; w++)
                printf k == 1 ? " %6s" : " %9s", shown(mean(whats[k], groups[g], widths[w]), k == 3 ? 1 : 3)
        printf "\n"
    }
    if (problems != "") {
        printf "\n%s", problems
        exit 1
    }
}
