/* The folder, and what both stores share: see planstore.h. SPDX-License-Identifier: MIT */
#include "modules/map/planstore_int.h"
#include "modules/raster/outfile.h"
#include "runtime/hash.h"
#include "runtime/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_FILES 20000 /* then the older half is removed */

int tl_is_key(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* --- the folder ----------------------------------------------------------------------------------
 */

static int make_folders(const char *dir)
{
    char *path = tl_xstrdup(dir);
    int rc = 0;
    for (char *s = path + 1; !rc && *s; s++)
        if (*s == '/') {
            *s = '\0';
            rc = mkdir(path, 0700) && errno != EEXIST;
            *s = '/';
        }
    if (!rc)
        rc = mkdir(path, 0700) && errno != EEXIST;
    free(path);
    return rc;
}

typedef struct aged {
    time_t when;
    char name[80];
} aged;

static int by_age(const void *a, const void *b)
{
    const aged *x = a, *y = b;
    return (x->when > y->when) - (x->when < y->when);
}

static int count_files(const char *dir, aged **out)
{
    int n = 0, room = 0;
    struct dirent *d;
    DIR *list = opendir(dir);
    while (list && (d = readdir(list))) {
        struct stat st;
        size_t len = strlen(d->d_name);
        if (len != 69 || strcmp(d->d_name + 64, ".json") != 0)
            continue;
        if (n == room)
            *out = tl_xrealloc(*out, (size_t)(room = 2 * room + 64) * sizeof **out);
        char *path = tl_xasprintf("%s/%s", dir, d->d_name);
        (*out)[n].when = stat(path, &st) == 0 ? st.st_mtime : 0;
        free(path);
        memcpy((*out)[n++].name, d->d_name, len + 1);
    }
    if (list)
        closedir(list);
    return n;
}

static void prune(tl_planstore *s)
{
    aged *list = NULL;
    int n = count_files(s->dir, &list), keep = MOST_FILES / 2;
    if (n > MOST_FILES) {
        qsort(list, (size_t)n, sizeof *list, by_age);
        for (int i = 0; i < n - keep; i++) {
            char *path = tl_xasprintf("%s/%s", s->dir, list[i].name);
            unlink(path);
            free(path);
        }
        n = keep;
    }
    s->files = n;
    free(list);
}

static int read_file(const char *path, tl_buf *out, tl_err *e)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return tl_fail(e, errno == ENOENT ? TL_EDATA : TL_EIO, "no plan of that key: %s",
                       strerror(errno));
    int bad = tl_buf_read(out, f, SIZE_MAX);
    fclose(f);
    return bad ? tl_fail(e, TL_EIO, "cannot read %s", path) : 0;
}

/* One writer at a time: the file beside has one name. */
static int write_file(tl_planstore *s, const char *path, const char *text, size_t len, tl_err *e)
{
    if (access(path, F_OK) == 0)
        return 0;
    if (++s->files > MOST_FILES)
        prune(s);
    return tl_outfile_put(path, text, len, e);
}

/* --- both ----------------------------------------------------------------------------------------
 */

int tl_planstore_open(const char *where, tl_planstore **out, tl_err *e)
{
    tl_planstore *s = tl_xcalloc(1, sizeof *s);
    int rc = 0;
    pthread_mutex_init(&s->lock, NULL);
    if (strncmp(where, "redis://", 8) == 0) {
        rc = tl__redis_open(s, where, e);
    } else {
        s->dir = tl_xstrdup(where);
        if (make_folders(where))
            rc = tl_fail(e, TL_ECONFIG, "--store %s: %s", where, strerror(errno));
        else
            prune(s);
    }
    if (rc)
        tl_planstore_close(s);
    else
        *out = s;
    return rc;
}

void tl_planstore_close(tl_planstore *s)
{
    if (!s)
        return;
    tl__redis_close(s);
    pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
}

int tl_planstore_get(tl_planstore *s, const char key[65], tl_buf *out, tl_err *e)
{
    tl_buf text = TL_BUF_INIT;
    char hex[65];
    int rc;
    if (s->dir) {
        char *path = tl_xasprintf("%s/%s.json", s->dir, key);
        rc = read_file(path, &text, e);
        free(path);
    } else {
        rc = tl__redis_get(s, key, &text, e);
    }
    tl_sha256(tl_buf_text(&text), text.len, hex);
    if (!rc && strcmp(hex, key) != 0)
        rc = tl_fail(e, TL_EDATA, "the store holds another text under %.16s...", key);
    if (!rc)
        tl_buf_add(out, tl_buf_text(&text), text.len);
    tl_buf_free(&text);
    return rc;
}

int tl_planstore_put(tl_planstore *s, const char key[65], const char *text, size_t len, tl_err *e)
{
    if (!s->dir)
        return tl__redis_put(s, key, text, len, e);
    char *path = tl_xasprintf("%s/%s.json", s->dir, key);
    pthread_mutex_lock(&s->lock);
    int rc = write_file(s, path, text, len, e);
    pthread_mutex_unlock(&s->lock);
    free(path);
    return rc;
}
