/* Plans of strangers: see strangers.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem */
#include "modules/map/strangers.h"
#include "runtime/mem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_NODES   100000
#define MOST_SOURCES 4096
#define MOST_SIDECAR (1 << 20) /* bytes of one that is looked into */

/* --- files
 * ---------------------------------------------------------------------------------------- */

static int below_roots(const char *real, const char *const *roots, int nroots)
{
    char root[PATH_MAX];
    for (int i = 0; i < nroots; i++) {
        size_t n = realpath(roots[i], root) ? strlen(root) : 0;
        if (n == 1 || (n && strncmp(real, root, n) == 0 && real[n] == '/'))
            return 1;
    }
    return 0;
}

/* TIFF, BigTIFF, PNG, JPEG, JPEG 2000: formats that name no other file. */
static int known_format(const unsigned char *b, size_t n)
{
    static const struct {
        const char *bytes;
        size_t n;
    } head[] = {{"II*\0", 4},          {"MM\0*", 4},           {"II+\0", 4},
                {"MM\0+", 4},          {"\x89PNG\r\n", 6},     {"\xff\xd8\xff", 3},
                {"\0\0\0\x0cjP  ", 8}, {"\xff\x4f\xff\x51", 4}};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        if (n >= head[i].n && memcmp(b, head[i].bytes, head[i].n) == 0)
            return 1;
    return 0;
}

/* An .aux.xml may say where overviews or a VRT lie. */
static int sidecar_is_plain(const char *path)
{
    static const char *const bad[] = {"OVERVIEW_FILE", "/vsi", "SourceFilename",
                                      "<VRT",          "xml:", "://"};
    char *name = tl_xasprintf("%s.aux.xml", path);
    FILE *f = fopen(name, "re");
    free(name);
    if (!f)
        return 1;
    char *text = tl_xmalloc(MOST_SIDECAR);
    size_t n = fread(text, 1, MOST_SIDECAR, f);
    int plain = n < MOST_SIDECAR;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        plain = plain && !memmem(text, n, bad[i], strlen(bad[i]));
    free(text);
    fclose(f);
    return plain;
}

static int check_file(const char *path, const char *const *roots, int nroots, tl_err *e)
{
    char real[PATH_MAX];
    struct stat st;
    unsigned char head[16];
    /* One answer for what is elsewhere and what is not there: nobody learns what exists. */
    if (path[0] != '/' || strncmp(path, "/vsi", 4) == 0 || strlen(path) >= PATH_MAX ||
        !realpath(path, real) || strcmp(real, path) != 0 || !below_roots(real, roots, nroots) ||
        stat(real, &st) || !S_ISREG(st.st_mode))
        return tl_fail(e, TL_EUSAGE,
                       "the plan reads what is no file in the folders that this server was given "
                       "for plans (--root)");
    FILE *f = fopen(real, "re");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    if (!known_format(head, n))
        return tl_fail(e, TL_EUSAGE, "plans by HTTP read TIFF, PNG, JPEG and JPEG 2000 alone");
    if (!sidecar_is_plain(real))
        return tl_fail(e, TL_EUSAGE, "a file of the plan has an .aux.xml that names other files");
    return 0;
}

/* --- the plan
 * ------------------------------------------------------------------------------------- */

static int check_scenes(const json_t *list, const char *const *roots, int nroots, tl_err *e)
{
    size_t i, k;
    json_t *scene, *path;
    int rc = 0;
    json_array_foreach((json_t *)(uintptr_t)list, i, scene)
    {
        json_array_foreach(json_object_get(scene, "assets"), k, path)
        {
            const char *text = json_string_value(path);
            if (!rc && text && *text)
                rc = check_file(text, roots, nroots, e);
        }
    }
    return rc;
}

static int check_source(const json_t *j, const char *const *roots, int nroots, tl_err *e)
{
    const char *uri = json_string_value(json_object_get(j, "uri"));
    const json_t *composite = json_object_get(j, "composite");
    if (!json_is_object(j))
        return tl_fail(e, TL_EUSAGE, "the plan is damaged: sources");
    if (composite)
        return check_scenes(json_object_get(composite, "scenes"), roots, nroots, e);
    if (json_object_get(j, "scene") || json_object_get(j, "geometry"))
        return 0; /* neither opens a file */
    return uri ? check_file(uri, roots, nroots, e)
               : tl_fail(e, TL_EUSAGE, "the plan is damaged: a source without a name");
}

int tl_stranger_check(json_t *plan, const char *const *roots, int nroots, tl_err *e)
{
    const json_t *sources = json_object_get(plan, "sources");
    json_t *j;
    size_t i;
    int rc = 0;
    if (json_array_size(json_object_get(plan, "nodes")) > MOST_NODES ||
        json_array_size(sources) > MOST_SOURCES)
        return tl_fail(e, TL_EUSAGE, "a plan by HTTP has at most %d nodes and %d sources",
                       MOST_NODES, MOST_SOURCES);
    json_array_foreach((json_t *)(uintptr_t)sources, i, j)
    {
        if (!rc)
            rc = check_source(j, roots, nroots, e);
    }
    json_array_foreach(json_object_get(plan, "functions"), i, j)
    {
        const char *how = json_string_value(json_object_get(j, "compile"));
        if (!rc && (!how || strcmp(how, "never") == 0))
            rc = tl_fail(e, TL_EUSAGE,
                         "function %zu of the plan is not to be compiled: by HTTP only compiled "
                         "ones are taken",
                         i + 1);
        if (!rc)
            json_object_set_new(j, "compile", json_string("require"));
    }
    return rc;
}

static int compiled(const tl_pass *pass)
{
    tl_pass *const *inner;
    int good = 1;
    for (int k = 0; k < tl_pass_calls(pass); k++)
        good = good && tl_pass_call(pass, k)->compiled;
    for (int k = 0; k < tl_pass_samplings(pass); k++)
        for (int i = tl_pass_inner(pass, k, &inner); i > 0; i--)
            good = good && compiled(inner[i - 1]);
    return good;
}

int tl_stranger_check_compiled(const tl_plan *p, tl_err *e)
{
    for (int k = 0; k < p->npasses; k++)
        if (!compiled(p->pass[k].pass))
            return tl_fail(e, TL_EUSAGE, "a function of the plan does not compile");
    return 0;
}
