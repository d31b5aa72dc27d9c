/* The gazetteer: lists, names, ambiguity. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "modules/collection/gazetteer.h"
#include "runtime/mem.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[200];

static const char *file(const char *name, const char *text)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = text ? fopen(path, "wb") : NULL;
    if (text && (!f || fputs(text, f) == EOF || fclose(f)))
        fail_msg("cannot write %s", path);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/gazetteer-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"a.csv", "b.csv", "c.tsv",        "d.geojson",
                                        "e.csv", "f.txt", "places.sqlite"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(file(names[i], NULL));
    return rmdir(folder);
}

static tl_gazetteer *list(const char *name, const char *text)
{
    tl_err e = TL_ERR_INIT;
    tl_gazetteer *g = NULL;
    assert_tl_ok(tl_gazetteer_open(file(name, text), &g, &e), &e);
    return g;
}

static tl_place find(tl_gazetteer *g, const char *name, double km, const char *country)
{
    tl_err e = TL_ERR_INIT;
    tl_place p = {0};
    assert_tl_ok(tl_gazetteer_find(g, name, km, country, &p, &e), &e);
    return p;
}

static void refused(tl_gazetteer *g, const char *name, const char *country,
                    const char *const *parts)
{
    tl_err e = TL_ERR_INIT;
    tl_place p;
    if (tl_gazetteer_find(g, name, -1, country, &p, &e) == 0)
        fail_msg("%s was found: %s in %s", name, p.name, p.country);
    for (; *parts; parts++)
        if (!strstr(e.message, *parts))
            fail_msg("\"%s\" does not say \"%s\"", e.message, *parts);
}

static const char towns[] = "population,name,country,lon,lat,region\n"
                            "2138551,Paris,FR,2.3488,48.85341,Ile-de-France\n"
                            "25171,Paris,US,-95.55551,33.66094,Texas\n"
                            "166810,Springfield,US,-93.29824,37.21533,Missouri\n"
                            "154341,Springfield,US,-72.58981,42.10148,Massachusetts\n"
                            "116250,Springfield,US,-89.64371,39.80172,Illinois\n"
                            "12400232,S\xc3\xa3o Paulo,BR,-46.63611,-23.5475,\n"
                            "768755,\xc5\x81\xc3\xb3"
                            "d\xc5\xba,PL,19.47395,51.77058,\n"
                            "500,\"Washington, D.C.\",US,-77,38.9,\n"
                            "70000,L'Aquila,IT,13.39954,42.35055,Abruzzo\n"
                            "100,Nowhere,XX,,\n"
                            "90000,Suva,FJ,179.9,-18.1,\n"
                            "30,Alert,CA,-62.3,89.99,\n";

static void names_are_found_without_case_accents_and_punctuation(void **state)
{
    (void)state;
    tl_gazetteer *g = list("a.csv", towns);
    assert_int_equal(tl_gazetteer_count(g), 11); /* one has no place */
    assert_string_equal(find(g, "SAO  PAULO", -1, NULL).country, "BR");
    assert_string_equal(find(g, "lodz", -1, NULL).country, "PL");
    assert_string_equal(find(g, "washington d c", -1, NULL).country, "US");
    assert_string_equal(find(g, "laquila", -1, NULL).region, "Abruzzo");
    assert_string_equal(find(g,
                             "L\xe2\x80\x99"
                             "Aquila",
                             -1, NULL)
                            .region,
                        "Abruzzo");
    char *folded = tl__gazetteer_fold("Stra\xc3\x9f"
                                      "e \xc3\x85r\xc3\xb8-\xc3\x86\xff");
    if (strncmp(folded, "strasse aro ae", 14) != 0)
        fail_msg("folded to \"%s\"", folded);
    free(folded);
    tl_gazetteer_close(g);
}

static void ten_times_the_people_decide_else_the_places_are_listed(void **state)
{
    (void)state;
    tl_gazetteer *g = list("a.csv", towns);
    assert_string_equal(find(g, "Paris", -1, NULL).country, "FR");
    assert_string_equal(find(g, "Paris", -1, "us").region, "Texas");
    assert_string_equal(find(g, "Paris", -1, "texas").country, "US");
    refused(g, "Springfield", NULL,
            (const char *const[]){"3 places", "US-Missouri 37.22,-93.30",
                                  "US-Illinois 39.80,-89.64", "10, \"Missouri\"", NULL});
    assert_string_equal(find(g, "Springfield", -1, "Illinois").region, "Illinois");
    assert_string_equal(find(g, "Springfield", -1, "US-Illinois").region, "Illinois");
    refused(g, "Paris", "DE",
            (const char *const[]){"no place \"Paris\" in \"DE\"", "2 elsewhere", NULL});
    refused(g, "Pariss", NULL, (const char *const[]){"did you mean Paris?", NULL});
    refused(g, "Xqzzy", NULL, (const char *const[]){"no place \"Xqzzy\"", NULL});
    refused(g, "", NULL, (const char *const[]){"no place \"\"", NULL});
    tl_gazetteer_close(g);
}

static void assert_box(const tl_place *p, double w, double s, double e, double n)
{
    double d =
        fabs(p->box[0] - w) + fabs(p->box[1] - s) + fabs(p->box[2] - e) + fabs(p->box[3] - n);
    if (d > 1e-3)
        fail_msg("%s: %.6g,%.6g,%.6g,%.6g, wanted %.6g,%.6g,%.6g,%.6g", p->name, p->box[0],
                 p->box[1], p->box[2], p->box[3], w, s, e, n);
}

static void boxes_reach_so_many_kilometres_around(void **state)
{
    (void)state;
    tl_gazetteer *g = list("a.csv", towns);
    tl_place p = find(g, "Sao Paulo", -1, NULL); /* 10 km */
    assert_box(&p, -46.73430, -23.63743, -46.53792, -23.45757);
    p = find(g, "Sao Paulo", 0, NULL);
    assert_box(&p, -46.63611, -23.5475, -46.63611, -23.5475);
    p = find(g, "Suva", 111.195, NULL);
    assert_box(&p, 178.84174, -19.1, -179.04174, -17.1);
    p = find(g, "Alert", -1, NULL);
    assert_box(&p, -180, 89.90007, 180, 90);
    tl_gazetteer_close(g);
}

static void lists_of_geonames_and_features_are_read(void **state)
{
    (void)state;
    tl_gazetteer *g = list("c.tsv", "2867714\tMunich\tMunich\tMunchen,M\xc3\xbcnchen,Monaco di "
                                    "Baviera\t48.13743\t11.57549\tP\tPPLA"
                                    "\tDE\t\t02\t\t\t\t1260391\t\t524\tEurope/Berlin\t2023-10-12\n"
                                    "1\tMunich\t\t\t1\t1\tH\tLK\tDE\t\t02\t\t\t\t0\t\t0\t\t\n");
    assert_int_equal(tl_gazetteer_count(g), 1);
    tl_place p = find(g, "monaco di baviera", -1, "DE");
    assert_string_equal(p.name, "Munich");
    assert_int_equal(p.population, 1260391);
    tl_gazetteer_close(g);
    g = list("d.geojson",
             "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":{"
             "\"NAME\":\"Fiji\",\"ISO_A2\":\"FJ\",\"POP_EST\":889953},\"geometry\":{\"type\":"
             "\"MultiPolygon\","
             "\"coordinates\":[[[[177,-18],[180,-18],[180,-16],[177,-18]]],[[[-180,-18],[-179,-18],"
             "[-180,"
             "-16],[-180,-18]]]]}}]}");
    p = find(g, "Fiji", -1, NULL);
    assert_box(&p, 177, -18, -179, -16); /* an area: nothing around it */
    assert_true(fabs(p.lon - 179) < 1e-9);
    tl_gazetteer_close(g);
}

static void a_built_file_knows_what_its_list_does(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    char to[300];
    tl_gazetteer *g = NULL;
    snprintf(to, sizeof to, "%s", file("places.sqlite", NULL));
    assert_tl_ok(tl_gazetteer_build(file("a.csv", towns), to, &e), &e);
    assert_tl_ok(tl_gazetteer_build(file("a.csv", towns), to, &e), &e); /* again */
    assert_tl_ok(tl_gazetteer_open(to, &g, &e), &e);
    assert_int_equal(tl_gazetteer_count(g), 11);
    assert_string_equal(find(g, "lodz", -1, NULL).country, "PL");
    tl_gazetteer_close(g);
    setenv("TELLUA_GAZETTEER", to, 1);
    assert_string_equal(tl_gazetteer_path(), to);
    unsetenv("TELLUA_GAZETTEER");
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    tl_gazetteer *g = NULL;
    assert_int_equal(tl_gazetteer_open("/nowhere/at all.csv", &g, &e), TL_ECONFIG);
    assert_int_equal(tl_gazetteer_open(file("b.csv", "a,b\n1,2\n"), &g, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "columns name, country, lon and lat"));
    assert_int_equal(tl_gazetteer_open(file("e.csv", "name,lon,lat\n"), &g, &e), TL_EDATA);
    assert_non_null(strstr(e.message, "holds no place"));
    assert_int_equal(tl_gazetteer_open(file("f.txt", ""), &g, &e), TL_EDATA);
    assert_int_equal(tl_gazetteer_build("/nowhere.csv", file("places.sqlite", NULL), &e), TL_EDATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_without_case_accents_and_punctuation),
        cmocka_unit_test(ten_times_the_people_decide_else_the_places_are_listed),
        cmocka_unit_test(boxes_reach_so_many_kilometres_around),
        cmocka_unit_test(lists_of_geonames_and_features_are_read),
        cmocka_unit_test(a_built_file_knows_what_its_list_does),
        cmocka_unit_test(what_is_no_list_is_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, make_folder, remove_folder);
}
