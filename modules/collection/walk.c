/* The files of a folder, in order. SPDX-License-Identifier: MIT */
#include "modules/collection/folder_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MOST_DEPTH 16
#define MOST_FILES 4000000

void tl__paths_free(tl__paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->path[i]);
    free(p->path);
    *p = (tl__paths){0};
}

static int add(tl__paths *p, char *path, tl_err *e)
{
    if (p->n >= MOST_FILES) {
        free(path);
        return tl_fail(e, TL_EDATA, "more than %d files; index parts of the folder one by one",
                       MOST_FILES);
    }
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 256;
        p->path = tl_xrealloc(p->path, p->cap * sizeof *p->path);
    }
    p->path[p->n++] = path;
    return 0;
}

/* The folders that lead to where the walk is: one of them again is a circle of links. */
typedef struct trail {
    const char *root;
    dev_t dev[MOST_DEPTH + 1];
    ino_t ino[MOST_DEPTH + 1];
} trail;

static int is_on_trail(const trail *t, int depth, const struct stat *st)
{
    for (int i = 0; i < depth; i++)
        if (t->dev[i] == st->st_dev && t->ino[i] == st->st_ino)
            return 1;
    return 0;
}

static int not_hidden(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* Bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_zarr(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcasecmp(name + n - 5, ".zarr") == 0;
}

static int walk(trail *t, const char *rel, int depth, tl__paths *out, tl_err *e);

static int visit(trail *t, char *rel, const char *name, int depth, tl__paths *out, tl_err *e)
{
    struct stat st;
    char *full = tl_xasprintf("%s/%s", t->root, rel);
    int known = stat(full, &st) == 0, code = 0;
    free(full);
    if (known && S_ISDIR(st.st_mode) && !is_zarr(name)) {
        code = walk(t, rel, depth + 1, out, e);
    } else if (known && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
        return add(out, rel, e);
    }
    free(rel);
    return code;
}

static int walk(trail *t, const char *rel, int depth, tl__paths *out, tl_err *e)
{
    struct stat st;
    struct dirent **entry = NULL;
    char *full = rel[0] ? tl_xasprintf("%s/%s", t->root, rel) : tl_xstrdup(t->root);
    int n = -1, code = 0;
    if (depth > MOST_DEPTH) {
        tl_warn_once("%s: folders more than %d deep are not looked into", full, MOST_DEPTH);
        n = 0;
    } else if (stat(full, &st) == 0) {
        n = is_on_trail(t, depth, &st) ? 0 : scandir(full, &entry, not_hidden, by_name);
        t->dev[depth] = st.st_dev;
        t->ino[depth] = st.st_ino;
    }
    if (n < 0 && depth == 0)
        code = tl_fail(e, TL_EDATA, "%s: cannot read the folder: %s", full, strerror(errno));
    else if (n < 0)
        tl_warn_once("%s: cannot read the folder: %s", full, strerror(errno));
    for (int i = 0; entry && i < n; i++) {
        if (!code) {
            const char *name = entry[i]->d_name;
            char *next = rel[0] ? tl_xasprintf("%s/%s", rel, name) : tl_xstrdup(name);
            code = visit(t, next, name, depth, out, e);
        }
        free(entry[i]);
    }
    free(entry);
    free(full);
    return code;
}

int tl__walk(const char *root, tl__paths *out, tl_err *e)
{
    trail t = {.root = root};
    return walk(&t, "", 0, out, e);
}

/* --- a list ---------------------------------------------------------------------------------- */

/* A line is a path, relative to the list's folder, or a name that is no path of this machine. */
static int add_line(const char *dir, const char *line, tl__paths *out, tl_err *e)
{
    char full[PATH_MAX];
    struct stat st;
    tl__paths below = {0};
    int foreign = strstr(line, "://") || strncmp(line, "/vsi", 4) == 0;
    char *path = line[0] == '/' || foreign ? tl_xstrdup(line) : tl_xasprintf("%s/%s", dir, line);
    if (foreign)
        return add(out, path, e);
    if (!realpath(path, full)) {
        int code = tl_fail(e, TL_EDATA, "%s: %s", path, strerror(errno));
        free(path);
        return code;
    }
    free(path);
    if (stat(full, &st) != 0 || !S_ISDIR(st.st_mode) || is_zarr(full))
        return add(out, tl_xstrdup(full), e);
    int code = tl__walk(full, &below, e);
    for (size_t i = 0; i < below.n && !code; i++)
        code = add(out, tl_xasprintf("%s/%s", full, below.path[i]), e);
    tl__paths_free(&below);
    return code;
}

int tl__walk_list(const char *file, tl__paths *out, tl_err *e)
{
    char line[PATH_MAX + 2];
    int code = 0, number = 0;
    FILE *f = fopen(file, "r");
    if (!f)
        return tl_fail(e, TL_EDATA, "%s: %s", file, strerror(errno));
    char *dir = tl_xstrdup(file), *slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
    while (!code && fgets(line, sizeof line, f)) {
        number++;
        size_t n = strcspn(line, "\r\n");
        if (n > PATH_MAX)
            code = tl_fail(e, TL_EDATA, "the line is too long for a path");
        line[n] = '\0';
        if (!code && n > 0 && line[0] != '#')
            code = add_line(slash ? dir : ".", line, out, e);
    }
    if (code)
        tl_err_prefix(e, "%s:%d", file, number);
    free(dir);
    fclose(f);
    return code;
}
