/* SPDX-License-Identifier: MIT */
/*
 * MC146818A real-time clock plus RAM (Motorola), 128 bytes as in a PC, behind an index and a data port. The time
 * registers advance with virtual time only. They are brought up to date when somebody looks or when an enabled
 * interrupt is due, never by a timer of their own; the century byte (0x32) of the PC's BIOS is kept along with them.
 */
#include "devices/devices.h"

#include <stdlib.h>

enum {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D,
    NVRAM,
    CENTURY = 0x32,
    SIZE = 128
};
enum { A_UIP = 0x80, A_DV = 0x70, A_RS = 0x0F, DV_32KHZ = 0x20, DV_RESET = 0x60 };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_SQWE = 0x08, B_BINARY = 0x04, B_24H = 0x02 };
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10, C_FLAGS = 0x70 };
enum { D_VRT = 0x80, HOUR_PM = 0x80, ALARM_ANY = 0xC0, NMI_MASK = 0x80 };

/* "TABLE 6. Update Cycle Times", 32.768 kHz: UIP is up 244 us before an update that takes 1984 us. */
#define UIP_NS (244000u + 1984000u)

struct rtc {
    struct clock *clock;
    struct wire irq;
    struct timer event;
    u8 index;
    u8 reg[SIZE];
    u64 second;   /* when the update cycle the registers show ended; meaningless while stopped */
    u64 periodic; /* divider taps (32768 Hz) seen so far, in units of the chosen period */
};

/* ---- Register contents ---- */

static u8 encode(const struct rtc *r, unsigned v) { return (u8)(r->reg[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10); }

static unsigned decode(const struct rtc *r, u8 v)
{
    return r->reg[REG_B] & B_BINARY ? v : (unsigned)((v >> 4) * 10 + (v & 15));
}

static u8 encode_hour(const struct rtc *r, unsigned h)
{
    if (r->reg[REG_B] & B_24H)
        return encode(r, h);
    return encode(r, h % 12 ? h % 12 : 12) | (h >= 12 ? HOUR_PM : 0);
}

static unsigned decode_hour(const struct rtc *r, u8 v)
{
    if (r->reg[REG_B] & B_24H)
        return decode(r, v);
    return decode(r, v & 0x7F) % 12 + (v & HOUR_PM ? 12 : 0);
}

static unsigned decode_century(const struct rtc *r)
{
    u8 v = r->reg[CENTURY];

    return (unsigned)((v >> 4) * 10 + (v & 15)); /* BCD whatever DM says: it is the BIOS's byte, not the chip's */
}

/* The chip's calendar knows leap years by the two digits of the year alone. */
static unsigned month_days(unsigned month, unsigned year)
{
    static const u8 days[13] = {31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && year % 4 == 0 ? 29 : days[month <= 12 ? month : 0];
}

static void next_day(struct rtc *r)
{
    unsigned day = decode(r, r->reg[DAY]), month = decode(r, r->reg[MONTH]), year = decode(r, r->reg[YEAR]);
    unsigned weekday = decode(r, r->reg[WEEKDAY]);

    r->reg[WEEKDAY] = encode(r, weekday >= 7 ? 1 : weekday + 1);
    if (day < month_days(month, year)) {
        r->reg[DAY] = encode(r, day + 1);
        return;
    }
    r->reg[DAY] = encode(r, 1);
    if (month < 12) {
        r->reg[MONTH] = encode(r, month + 1);
        return;
    }
    r->reg[MONTH] = encode(r, 1);
    if (year < 99) {
        r->reg[YEAR] = encode(r, year + 1);
    } else {
        unsigned century = (decode_century(r) + 1) % 100;

        r->reg[YEAR] = 0;
        r->reg[CENTURY] = (u8)(century / 10 << 4 | century % 10);
    }
}

/* "a don't care code is any hexadecimal byte from C0 to FF" */
static bool alarm_matches(const struct rtc *r)
{
    for (int i = SECONDS; i <= HOURS; i += 2)
        if ((r->reg[i + 1] & ALARM_ANY) != ALARM_ANY && r->reg[i + 1] != r->reg[i])
            return false;
    return true;
}

/* One update cycle. */
static void next_second(struct rtc *r)
{
    unsigned s = decode(r, r->reg[SECONDS]) + 1, m = decode(r, r->reg[MINUTES]), h = decode_hour(r, r->reg[HOURS]);

    if (s >= 60) {
        s = 0;
        m++;
    }
    if (m >= 60) {
        m = 0;
        h++;
    }
    if (h >= 24) {
        h = 0;
        next_day(r);
    }
    r->reg[SECONDS] = encode(r, s);
    r->reg[MINUTES] = encode(r, m);
    r->reg[HOURS] = encode_hour(r, h);
    r->reg[REG_C] |= C_UF | (alarm_matches(r) ? C_AF : 0);
}

/* ---- Virtual time ---- */

static bool divider_runs(const struct rtc *r) { return (r->reg[REG_A] & DV_RESET) != DV_RESET; }

static bool updates_run(const struct rtc *r) { return divider_runs(r) && !(r->reg[REG_B] & B_SET); }

/* The periodic rate as 32768 Hz ticks: "TABLE 5. Periodic Interrupt Rate"; 0 is none. */
static u64 periodic_ticks(const struct rtc *r)
{
    unsigned rs = r->reg[REG_A] & A_RS;

    if (!rs || !divider_runs(r))
        return 0;
    if (rs < 3 && (r->reg[REG_A] & A_DV) == DV_32KHZ)
        rs += 7;
    return 1ull << (rs - 1);
}

/* 32768 / 10^9 = 64 / 1953125. */
static u64 tick_of(u64 ns) { return (u64)((unsigned __int128)ns * 64 / 1953125); }

static u64 time_of(u64 tick) { return (u64)(((unsigned __int128)tick * 1953125 + 63) / 64); }

static void rtc_sync(struct rtc *r, u64 now)
{
    u64 ticks = periodic_ticks(r);

    if (ticks) {
        u64 seen = tick_of(now) / ticks;

        if (seen != r->periodic)
            r->reg[REG_C] |= C_PF;
        r->periodic = seen;
    }
    /* A second at a time, so that no alarm is missed; a long sleep costs 10 ns of ours per second of the guest's. */
    while (updates_run(r) && now - r->second >= CLOCK_SECOND) {
        r->second += CLOCK_SECOND;
        next_second(r);
    }
}

/* Set the wire, and arm for the next moment an enabled flag may rise. While IRQ is up there is nothing to wait for. */
static void rtc_update(struct rtc *r, u64 now)
{
    bool up = r->reg[REG_B] & r->reg[REG_C] & C_FLAGS;
    u64 at = CLOCK_NEVER, ticks = periodic_ticks(r);

    r->reg[REG_C] = (u8)((r->reg[REG_C] & C_FLAGS) | (up ? C_IRQF : 0));
    wire_set(r->irq, up);
    if (!up && r->reg[REG_B] & B_PIE && ticks)
        at = time_of((tick_of(now) / ticks + 1) * ticks);
    if (!up && r->reg[REG_B] & (B_AIE | B_UIE) && updates_run(r) && r->second + CLOCK_SECOND < at)
        at = r->second + CLOCK_SECOND;
    clock_arm(r->clock, &r->event, at);
}

static void rtc_event(void *device, u64 now)
{
    struct rtc *r = device;

    rtc_sync(r, now);
    rtc_update(r, now);
}

/* ---- Registers ---- */

static bool update_in_progress(const struct rtc *r, u64 now)
{
    return updates_run(r) && now - r->second >= CLOCK_SECOND - UIP_NS;
}

static u8 rtc_read_register(struct rtc *r, unsigned i, u64 now)
{
    u8 v = r->reg[i];

    if (i == REG_A)
        return v | (update_in_progress(r, now) ? A_UIP : 0);
    if (i == REG_C)
        r->reg[REG_C] = 0; /* "all flag bits are cleared when read" */
    return v;
}

static void write_a(struct rtc *r, u8 v, u64 now)
{
    bool ran = divider_runs(r);

    r->reg[REG_A] = v & (u8)~A_UIP;
    /* "When the divider is changed from reset to an operating time base, the first update cycle is one-half second
     * later." */
    if (!ran && divider_runs(r))
        r->second = now - CLOCK_SECOND / 2;
    if (periodic_ticks(r))
        r->periodic = tick_of(now) / periodic_ticks(r);
}

static void write_b(struct rtc *r, u8 v, u64 now)
{
    /* SET stops updates, not the divider: the phase of the second lives on. */
    if (r->reg[REG_B] & B_SET && !(v & B_SET) && divider_runs(r))
        r->second = now - (now - r->second) % CLOCK_SECOND;
    if (v & B_SET)
        v &= (u8)~B_UIE; /* "The SET bit going high ... clears UIE" */
    r->reg[REG_B] = v;
}

static void rtc_write_register(struct rtc *r, unsigned i, u8 v, u64 now)
{
    if (i == REG_A)
        write_a(r, v, now);
    else if (i == REG_B)
        write_b(r, v, now);
    else if (i != REG_C && i != REG_D) /* which are read-only */
        r->reg[i] = v;
}

static u64 rtc_read(void *device, u64 offset, unsigned width)
{
    struct rtc *r = device;
    u64 now = clock_now(r->clock);
    u8 v;

    (void)width;
    if (!(offset & 1))
        return 0xFF; /* the index port is write-only on a PC */
    rtc_sync(r, now);
    v = rtc_read_register(r, r->index, now);
    rtc_update(r, now);
    return v;
}

static void rtc_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct rtc *r = device;
    u64 now = clock_now(r->clock);

    (void)width;
    if (!(offset & 1)) {
        r->index = (u8)value & (u8)~NMI_MASK; /* bit 7 masks NMI, and this machine has no source of one */
        return;
    }
    rtc_sync(r, now);
    rtc_write_register(r, r->index, (u8)value, now);
    rtc_update(r, now);
}

const struct region_ops rtc_ops = {rtc_read, rtc_write, 1, 1, "RTC and CMOS"};

void rtc_set_nvram(struct rtc *r, u8 index, u8 value)
{
    if (index >= NVRAM && index < SIZE)
        r->reg[index] = value;
}

u8 rtc_get_nvram(const struct rtc *r, u8 index) { return r->reg[index % SIZE]; }

/* ---- Life ---- */

bool rtc_may_interrupt(const struct rtc *r) { return r->event.at != CLOCK_NEVER; }

/* RESET# clears the interrupt enables and flags and SQWE; the clock, the calendar and the RAM are not affected. */
void rtc_reset(struct rtc *r)
{
    u64 now = clock_now(r->clock);

    rtc_sync(r, now);
    r->reg[REG_B] &= (u8) ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    r->reg[REG_C] = 0;
    rtc_update(r, now);
}

/* Civil date from days since 1970-01-01, proleptic Gregorian. */
static void civil_from_days(s64 days, s64 *year, unsigned *month, unsigned *day)
{
    s64 z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), shifted = (5 * doy + 2) / 153;

    *day = doy - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (s64)yoe + era * 400 + (*month <= 2);
}

static void rtc_set_time(struct rtc *r, s64 base)
{
    s64 days = base / 86400, year;
    s64 second = base % 86400;
    unsigned month, day;

    if (second < 0) {
        second += 86400;
        days--;
    }
    civil_from_days(days, &year, &month, &day);
    r->reg[SECONDS] = encode(r, (unsigned)(second % 60));
    r->reg[MINUTES] = encode(r, (unsigned)(second / 60 % 60));
    r->reg[HOURS] = encode_hour(r, (unsigned)(second / 3600));
    r->reg[WEEKDAY] = encode(r, (unsigned)(((days + 4) % 7 + 7) % 7) + 1); /* 1970-01-01 was a Thursday; Sunday is 1 */
    r->reg[DAY] = encode(r, day);
    r->reg[MONTH] = encode(r, month);
    r->reg[YEAR] = encode(r, (unsigned)((year % 100 + 100) % 100));
    r->reg[CENTURY] = (u8)(year / 1000 % 10 << 4 | year / 100 % 10);
}

struct rtc *rtc_create(struct clock *clock, struct wire irq, s64 base)
{
    struct rtc *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->clock = clock;
    r->irq = irq;
    r->event = timer_make(rtc_event, r);
    r->reg[REG_A] = DV_32KHZ | 6; /* as every BIOS leaves it: 1024 Hz */
    r->reg[REG_B] = B_24H;
    r->reg[REG_D] = D_VRT;
    r->second = clock_now(clock);
    rtc_set_time(r, base);
    rtc_reset(r);
    return r;
}

void rtc_destroy(struct rtc *r)
{
    if (!r)
        return;
    clock_disarm(r->clock, &r->event);
    free(r);
}

/* ---- State ---- */

static const struct state_field fields[] = {
    STATE_WIRED(rtc, clock), STATE_WIRED(rtc, irq),  STATE_TIMER(rtc, event),  STATE_UPTO(rtc, index, SIZE - 1),
    STATE_ANY(rtc, reg),     STATE_ANY(rtc, second), STATE_ANY(rtc, periodic),
};
static const struct state_table table = STATE_TABLE(rtc, fields);

void rtc_state(struct rtc *r, struct state *s) { state_struct(s, &table, r); }

/* Seconds are made up for one by one. In the first half second the one before may have ended before power-on. */
bool rtc_is_sound(const struct rtc *r)
{
    u64 now = clock_now(r->clock);

    return now - r->second <= now + CLOCK_SECOND;
}
