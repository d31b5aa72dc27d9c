/* Dates in names, CF times, patterns. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "modules/collection/pattern.h"
#include "modules/collection/when.h"

#include <math.h>
#include <stdlib.h>

/* "20230810T100601", "none", or "" + what else. */
static const char *in_name(const char *name)
{
    static char text[24];
    double t;
    if (!tl__when_in_name(name, &t, NULL, NULL))
        return "none";
    tl__when_compact(t, text);
    return text;
}

static void dates_are_found_in_names(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"x_20230810_B04", "20230810T000000"},
        {"x-2023-08-10", "20230810T000000"},
        {"x_2023_08_10_y", "20230810T000000"},
        {"S2A_20230810T100601_x", "20230810T100601"},
        {"s1a-iw-grd-vv-20170801t173236-20170801t173301", "20170801T173236"},
        {"x20230810100601y", "20230810T100601"},
        {"MOD13Q1.A2023222.h18v04", "20230810T000000"},
        {"x_2020366", "20201231T000000"},
        {"x_2023366", "none"},
        {"20230229", "none"},
        {"20231301_20230810", "20230810T000000"},
        {"scene_1234567890123", "none"},
        {"x_123456789", "none"},
        {"tile_33_4326", "none"},
        {"2017-08-01_2018-11-30", "20170801T000000"},
        {"", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(in_name(cases[i][0]), cases[i][1]) != 0)
            fail_msg("%s: wanted %s, got %s", cases[i][0], cases[i][1], in_name(cases[i][0]));
}

static double parsed(const char *text, int whole)
{
    double t = NAN;
    int n = tl__when_parse(text, &t);
    if (n == 0)
        return NAN;
    if (whole)
        assert_int_equal(n, strlen(text));
    return t;
}

static void written_dates_are_read_with_their_offsets(void **state)
{
    (void)state;
    assert_float_equal(parsed("1970-01-01", 1), 0, 0);
    assert_float_equal(parsed("2023-08-10T10:06:01.25Z", 1), 1691661961.25, 1e-6);
    assert_float_equal(parsed("2023-08-10 10:06:01 +02:00", 1), 1691654761, 0);
    assert_float_equal(parsed("2023-08-10T10:06-0130", 1), 1691667360, 0);
    assert_float_equal(parsed("1900-1-1 00:00:0.0", 1), -2208988800.0, 0);
    assert_float_equal(parsed("0001-01-01", 1), -62135596800.0, 0);
    assert_true(isnan(parsed("2023-02-30", 0)));
    assert_true(isnan(parsed("yesterday", 0)));
}

/* Days of every date from year 1600 on by counting, and back. */
static void days_are_counted_right_over_six_hundred_years(void **state)
{
    (void)state;
    double want = parsed("1600-01-01", 1), t;
    char text[24], made[24];
    for (int y = 1600; y < 2200; y++)
        for (int m = 1; m <= 12; m++)
            for (int d = 1; d <= 31; d++) {
                if (!tl__when(y, m, d, 0, 0, 0, &t))
                    continue;
                assert_float_equal(t, want, 0);
                tl__when_compact(t, text);
                snprintf(made, sizeof made, "%04d%02d%02dT000000", y, m, d);
                assert_string_equal(text, made);
                want += 86400;
            }
}

static double cf(const char *units, const char *calendar, double v, tl_err *e)
{
    double out = NAN;
    *e = (tl_err)TL_ERR_INIT;
    return tl__when_cf("time", units, calendar, &v, &out, 1, e) == 0 ? out : NAN;
}

static void cf_times_are_seconds(void **state)
{
    (void)state;
    tl_err e;
    assert_float_equal(cf("days since 1970-1-1", "", 18262, &e), 1577836800, 0);
    assert_float_equal(cf("hours since 2000-01-01 00:00:00", "standard", 1.5, &e), 946690200, 0);
    assert_float_equal(cf("Minutes since 2000-01-01T00:00:00Z", "gregorian", 1, &e), 946684860, 0);
    assert_float_equal(cf("seconds since 2017-08-04 10:53:28", "proleptic_gregorian", 864109, &e),
                       1502708117, 0);
    assert_float_equal(cf("days since 0001-01-01", "proleptic_gregorian", 719162, &e), 0, 0);
    assert_float_equal(cf("day as %Y%m%d.%f", "", 20190131.25, &e), 1548914400, 0);
    assert_true(isnan(cf("day as %Y%m%d.%f", "", 20191331, &e)));
    assert_true(isnan(cf("days since 1970-01-01", "", NAN, &e)));
}

static void cf_times_that_are_not_seconds_are_refused(void **state)
{
    (void)state;
    tl_err e;
    assert_true(isnan(cf("days since 1970-01-01", "noleap", 1, &e)));
    assert_string_equal(e.message, "time counts in the calendar 'noleap'; standard, gregorian and "
                                   "proleptic_gregorian are understood");
    assert_true(isnan(cf("months since 1970-01-01", "", 1, &e)));
    assert_string_equal(e.message,
                        "time has the units 'months since 1970-01-01', which are not like 'days "
                        "since 1970-01-01' in weeks, days, hours, minutes or seconds");
    assert_true(isnan(cf("days since 0001-01-01", "standard", 1, &e)));
    assert_non_null(strstr(e.message, "from before 1582"));
    assert_true(isnan(cf("", "", 1, &e)));
}

/* --- patterns -------------------------------------------------------------------------------- */

/* "id|band|tile|date|properties", "no", or the error. */
static const char *match(const char *pattern, const char *path)
{
    static char text[1024];
    char when[24] = "-";
    tl_err e = TL_ERR_INIT;
    tl__pattern *p = NULL;
    tl__match m;
    if (tl__pattern_new(pattern, &p, &e) != 0) {
        snprintf(text, sizeof text, "%s", e.message);
        return text;
    }
    int ok = tl__pattern_match(p, path, &m);
    tl__pattern_free(p);
    if (!ok)
        return "no";
    if (!isnan(m.t))
        tl__when_compact(m.t, when);
    char *more = json_dumps(m.more, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(text, sizeof text, "%s|%s|%s|%s|%s", m.id, m.band, m.tile, when, more);
    free(more);
    tl__match_free(&m);
    return text;
}

static void patterns_take_names_apart(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{band}_{date:%Y%m%d}.tif", "a/B04_20230810.tif", "20230810|B04||20230810T000000|{}"},
        {"*_{year}{month}{day}_{band}.tif", "x_y_20230810_B04.tif",
         "x_y_20230810|B04||20230810T000000|{}"},
        {"{tile}/{date}_{*}.tif", "d/33TWM/2023-08-10_rest_B04.tif",
         "33TWM/2023-08-10||33TWM|20230810T000000|{}"},
        {"{year}/{month}/{day}/{*}/{band}.jp2", "t/2017/7/29/0/B03.jp2",
         "2017/7/29|B03||20170729T000000|{}"},
        {"{sensor}_{orbit:d}_{cloud:f}_{year}{doy}.tif", "S2_022_12.5_2023222.tif",
         "S2_022_12.5_2023222|||20230810T000000|"
         "{\"cloud\":12.5,\"orbit\":22,\"sensor\":\"S2\"}"},
        {"{id}_{datetime}_{band}.tif", "farm_20230810T100601_NDVI.tif",
         "farm|NDVI||20230810T100601|{}"},
        {"{date:%y%j}_?{band}.tif", "23222_xB1.tif", "23222_x|B1||20230810T000000|{}"},
        {"{id}.tif", "a.b.tif", "a.b|||-|{}"},
        {"{band}.tif", "B04.tiff", "no"},
        {"{year}{month}{day}.tif", "20231310.tif", "no"},
        {"{date}/{band}.tif", "B04.tif", "no"},
        {"B{n:d}.tif", "x/B12.tif", "B12|||-|{\"n\":12}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = match(cases[i][0], cases[i][1]);
        const char *want = cases[i][2];
        if (strcmp(got, want) != 0)
            fail_msg("%s on %s: wanted %s, got %s", cases[i][0], cases[i][1], want, got);
    }
}

static void patterns_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    assert_string_equal(match("", "x"), "pattern: it is empty");
    assert_string_equal(match("{band", "x"), "pattern: '{band' has no '}'");
    assert_string_equal(match("{band}_{band}", "x"), "pattern: {band} is there twice");
    assert_string_equal(match("{}", "x"), "pattern: '{}' is no field; a name of letters and digits "
                                          "is, as {band}");
    assert_string_equal(match("{date:%Q}", "x"),
                        "pattern: {date:%Q}: dates have a format of %Y %m %d %j %H %M %S, other "
                        "fields may have d or f");
}

/* Sixty stars over a thousand letters: without remembering failures this takes for ever. */
static void a_pattern_of_stars_ends(void **state)
{
    (void)state;
    char pattern[128] = "", path[1001];
    for (int i = 0; i < 30; i++)
        strcat(pattern, "*a");
    strcat(pattern, "b");
    memset(path, 'a', 1000);
    path[1000] = '\0';
    assert_string_equal(match(pattern, path), "no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_found_in_names),
        cmocka_unit_test(written_dates_are_read_with_their_offsets),
        cmocka_unit_test(days_are_counted_right_over_six_hundred_years),
        cmocka_unit_test(cf_times_are_seconds),
        cmocka_unit_test(cf_times_that_are_not_seconds_are_refused),
        cmocka_unit_test(patterns_take_names_apart),
        cmocka_unit_test(patterns_that_mean_nothing_are_refused),
        cmocka_unit_test(a_pattern_of_stars_ends),
    };
    return tl_run_tests(tests);
}
