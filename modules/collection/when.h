/* Dates of names and files as seconds since 1970-01-01 UTC. SPDX-License-Identifier: MIT
 * No time zones of this machine, no locale; the Gregorian calendar at all times. */
#ifndef TL_WHEN_H
#define TL_WHEN_H

#include "runtime/err.h"

/* 1 when there is such a day and time. s may have a fraction, and be 60. */
int tl__when(int year, int month, int day, int h, int min, double s, double *out);
int tl__when_doy(int year, int doy, double *out);

/* "2023-08-10", "2023-08-10T10:06:01.5Z", "2023-08-10 10:06", "20230810T100601"; an offset is
 * taken off. Returns the characters read, 0 when the text does not begin so. */
int tl__when_parse(const char *text, double *out);

/* The first date in a name: YYYYMMDD, with THHMMSS or HHMMSS, YYYY-MM-DD, YYYY_MM_DD, YYYYDDD;
 * not inside longer numbers, years 1900 to 2099. 1 = found; at and len (or NULL) say where. */
int tl__when_in_name(const char *name, double *out, int *at, int *len);

/* Numbers by CF: units "days since 1970-01-01 00:00", "day as %Y%m%d.%f"; calendars that are the
 * Gregorian one where it counts. `what` names the variable in errors. */
int tl__when_cf(const char *what, const char *units, const char *calendar, const double *number,
                double *out, int n, tl_err *e) TL_MUST_CHECK;

/* Year, month 1-12, day 1-31 in UTC. */
void tl__when_split(double t, int *year, int *month, int *day);

/* "20230810T100601" into buf[24] */
void tl__when_compact(double t, char buf[24]);

#endif
