/* Dates: see when.h. SPDX-License-Identifier: MIT */
#include "modules/collection/when.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int is_leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days of the years before y since the year 0, from March on in the year: the leap day comes last,
 * so a month's place is a straight line. */
static double days_from_1970(int y, int m, int d)
{
    long year = m > 2 ? y : y - 1L, month = (m + 9) % 12;
    long era = (year >= 0 ? year : year - 399) / 400, in = year - era * 400;
    long day = (153 * month + 2) / 5 + d - 1 + in * 365 + in / 4 - in / 100;
    return (double)(era * 146097 + day - 719468);
}

int tl__when(int year, int month, int day, int h, int min, double s, double *out)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1 ||
        day > length[month - 1] + (month == 2 && is_leap(year)) || h < 0 || h > 23 || min < 0 ||
        min > 59 || !(s >= 0 && s < 61))
        return 0;
    *out = days_from_1970(year, month, day) * 86400 + h * 3600 + min * 60 + s;
    return 1;
}

int tl__when_doy(int year, int doy, double *out)
{
    if (doy < 1 || doy > 365 + is_leap(year) || !tl__when(year, 1, 1, 0, 0, 0, out))
        return 0;
    *out += (doy - 1) * 86400.0;
    return 1;
}

void tl__when_split(double t, int *year, int *month, int *day)
{
    long z = (long)floor(t / 86400) + 719468;
    long era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    long doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

void tl__when_compact(double t, char buf[24])
{
    int year, month, day;
    long in_day = (long)floor(t - floor(t / 86400) * 86400);
    tl__when_split(t, &year, &month, &day);
    snprintf(buf, 24, "%04d%02d%02dT%02ld%02ld%02ld", year, month, day, in_day / 3600,
             in_day / 60 % 60, in_day % 60);
}

/* --- texts ----------------------------------------------------------------------------------- */

/* Between `least` and `most` digits at *s, which moves on; -1. */
static int digits(const char **s, int least, int most)
{
    int n = 0, v = 0;
    while (n < most && isdigit((unsigned char)(*s)[n]))
        v = v * 10 + (*s)[n++] - '0';
    if (n < least)
        return -1;
    *s += n;
    return v;
}

/* hh:mm[:ss[.fff]] or hhmmss at s, and an offset; the characters read, 0 for none. */
static int time_of_day(const char *s, int *h, int *min, double *sec)
{
    const char *p = s;
    *h = digits(&p, 1, 2);
    int colon = *p == ':';
    p += colon;
    *min = digits(&p, colon ? 1 : 2, 2);
    if (*h < 0 || *min < 0)
        return 0;
    *sec = 0;
    if (*p == ':' || (!colon && isdigit((unsigned char)*p))) {
        p += *p == ':';
        int whole = digits(&p, 1, 2);
        if (whole < 0)
            return 0;
        *sec = whole;
        for (double part = 0.1; *p == '.' && isdigit((unsigned char)p[1]); part /= 10)
            for (p++; isdigit((unsigned char)*p); p++, part /= 10)
                *sec += (*p - '0') * part;
    }
    return (int)(p - s);
}

/* "Z", " UTC", "+02:00": seconds to take off, and the characters read. */
static int zone(const char *s, double *off)
{
    const char *p = s + (*s == ' ');
    *off = 0;
    if (*p == 'Z')
        return (int)(p + 1 - s);
    if (strncmp(p, "UTC", 3) == 0)
        return (int)(p + 3 - s);
    if (*p != '+' && *p != '-')
        return 0;
    int sign = *p++ == '-' ? -1 : 1, h = digits(&p, 1, 2);
    p += *p == ':';
    int min = digits(&p, 2, 2);
    *off = sign * (h * 3600.0 + (min > 0 ? min : 0) * 60.0);
    return h < 0 ? 0 : (int)(p - s);
}

int tl__when_parse(const char *text, double *out)
{
    const char *p = text;
    int h = 0, min = 0;
    double s = 0, off = 0;
    int y = digits(&p, 4, 4), dashed = *p == '-';
    p += dashed;
    int m = digits(&p, dashed ? 1 : 2, 2);
    if (dashed && *p++ != '-')
        return 0;
    int d = digits(&p, dashed ? 1 : 2, 2);
    if (y < 0 || m < 0 || d < 0)
        return 0;
    if (*p == 'T' || *p == 't' || (*p == ' ' && isdigit((unsigned char)p[1]))) {
        int n = time_of_day(p + 1, &h, &min, &s);
        p += n ? n + 1 : 0;
    }
    p += zone(p, &off);
    if (!tl__when(y, m, d, h, min, s, out))
        return 0;
    *out -= off;
    return (int)(p - text);
}

/* --- names ----------------------------------------------------------------------------------- */

static int number_at(const char *s, int n)
{
    return digits(&s, n, n);
}

static int run_of_digits(const char *s)
{
    return (int)strspn(s, "0123456789");
}

/* A date that begins at s, a digit after none. */
static int date_at(const char *s, double *out)
{
    int run = run_of_digits(s), y = number_at(s, 4);
    double sec;
    int h, min;
    if (run < 4 || y < 1900 || y > 2099)
        return 0;
    if (run == 4 && (s[4] == '-' || s[4] == '_') && run_of_digits(s + 5) == 2 && s[7] == s[4] &&
        run_of_digits(s + 8) == 2)
        return tl__when(y, number_at(s + 5, 2), number_at(s + 8, 2), 0, 0, 0, out) ? 10 : 0;
    if (run == 7)
        return tl__when_doy(y, number_at(s + 4, 3), out) ? 7 : 0;
    if (run != 8 && run != 14)
        return 0;
    if (!tl__when(y, number_at(s + 4, 2), number_at(s + 6, 2), 0, 0, 0, out))
        return 0;
    const char *t = run == 14 ? s + 8 : s + 9;
    if ((run == 14 || ((s[8] | 32) == 't' && run_of_digits(t) == 6)) &&
        time_of_day(t, &h, &min, &sec) == 6 &&
        tl__when(y, number_at(s + 4, 2), number_at(s + 6, 2), h, min, sec, out))
        return (int)(t - s) + 6;
    return run == 8 ? 8 : 0;
}

int tl__when_in_name(const char *name, double *out, int *at, int *len)
{
    for (const char *s = name; *s; s += run_of_digits(s) ? run_of_digits(s) : 1) {
        int n = date_at(s, out);
        if (!n)
            continue;
        if (at)
            *at = (int)(s - name);
        if (len)
            *len = n;
        return 1;
    }
    return 0;
}

/* --- CF -------------------------------------------------------------------------------------- */

static double unit_seconds(const char *word, size_t n)
{
    static const struct {
        const char *name;
        double s;
    } unit[] = {{"day", 86400}, {"d", 86400},          {"hour", 3600},
                {"hr", 3600},   {"h", 3600},           {"minute", 60},
                {"min", 60},    {"second", 1},         {"sec", 1},
                {"s", 1},       {"millisecond", 1e-3}, {"msec", 1e-3},
                {"ms", 1e-3},   {"microsecond", 1e-6}, {"nanosecond", 1e-9},
                {"ns", 1e-9},   {"week", 7 * 86400}};
    for (size_t i = 0; i < sizeof unit / sizeof unit[0]; i++) {
        size_t k = strlen(unit[i].name);
        if (strncasecmp(word, unit[i].name, k) == 0 &&
            (n == k || (n == k + 1 && (word[k] == 's' || word[k] == 'S'))))
            return unit[i].s;
    }
    return 0;
}

static int is_gregorian(const char *calendar)
{
    static const char *const known[] = {"", "standard", "gregorian", "proleptic_gregorian"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(calendar, known[i]) == 0)
            return 1;
    return 0;
}

/* 20190131.25 is six in the morning of 31 January 2019. */
static int from_digits(double v, double *out)
{
    double whole = floor(v);
    if (!(whole >= 1e4 && whole < 1e8))
        return 0;
    int ymd = (int)whole;
    if (!tl__when(ymd / 10000, ymd / 100 % 100, ymd % 100, 0, 0, 0, out))
        return 0;
    *out += (v - whole) * 86400;
    return 1;
}

int tl__when_cf(const char *what, const char *units, const char *calendar, const double *number,
                double *out, int n, tl_err *e)
{
    double zero = 0, first_gregorian = -12219292800.0; /* 1582-10-15 */
    size_t word = strcspn(units, " ");
    const char *since = strstr(units, " since ");
    double unit = unit_seconds(units, word);
    int digit_days = strcmp(units, "day as %Y%m%d.%f") == 0;
    if (!is_gregorian(calendar))
        return tl_fail(e, TL_EDATA,
                       "%s counts in the calendar '%s'; standard, gregorian and "
                       "proleptic_gregorian are understood",
                       what, calendar);
    if (!digit_days && (!since || unit == 0 || !tl__when_parse(since + 7, &zero)))
        return tl_fail(
            e, TL_EDATA,
            "%s has the units '%s', which are not like 'days since 1970-01-01' in weeks, "
            "days, hours, minutes or seconds",
            what, units);
    if (!digit_days && strcasecmp(calendar, "proleptic_gregorian") != 0 && zero < first_gregorian)
        return tl_fail(
            e, TL_EDATA,
            "%s counts from before 1582 (%s) in a calendar with Julian days before then; "
            "only proleptic_gregorian can do that",
            what, units);
    for (int i = 0; i < n; i++) {
        out[i] = zero + number[i] * unit;
        if (digit_days ? !from_digits(number[i], &out[i]) : !isfinite(out[i]))
            out[i] = NAN;
    }
    return 0;
}
