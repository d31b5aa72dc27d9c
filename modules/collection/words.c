/* Texts that scenes share, by number. SPDX-License-Identifier: MIT */
#include "modules/collection/index_int.h"
#include "modules/collection/text.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

static void sit(tl__word *w, int64_t wid, uint64_t hash, const void *text, size_t len)
{
    free(w->text);
    w->text = tl_xmalloc(len + 1);
    memcpy(w->text, text, len);
    w->text[len] = '\0';
    w->len = len;
    w->wid = wid;
    w->hash = hash;
}

static int find(tl_index *ix, uint64_t hash, const void *text, size_t len, int64_t *wid, tl_err *e)
{
    sqlite3_stmt *st;
    int rc = tl__index_statement(ix, TL__FIND_WORD, &st, e), step = SQLITE_ROW;
    if (rc)
        return rc;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)hash);
    *wid = 0;
    while (!*wid && (step = sqlite3_step(st)) == SQLITE_ROW)
        if ((size_t)sqlite3_column_bytes(st, 1) == len &&
            memcmp(sqlite3_column_blob(st, 1), text, len) == 0)
            *wid = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return step == SQLITE_ROW || step == SQLITE_DONE ? 0 : tl__index_fail(ix, "reading", e);
}

int tl__word_id(tl_index *ix, const void *text, size_t len, int64_t *wid, tl_err *e)
{
    *wid = 0;
    if (!len)
        return 0;
    uint64_t hash = tl__hash64(1, text, len);
    tl__word *seat = &ix->by_text[hash % TL__SEATS];
    if (seat->wid && seat->hash == hash && seat->len == len && memcmp(seat->text, text, len) == 0) {
        *wid = seat->wid;
        return 0;
    }
    int rc = find(ix, hash, text, len, wid, e);
    if (!rc && !*wid) {
        sqlite3_stmt *st;
        rc = tl__index_statement(ix, TL__ADD_WORD, &st, e);
        if (rc)
            return rc;
        sqlite3_bind_int64(st, 1, (sqlite3_int64)hash);
        sqlite3_bind_blob64(st, 2, text, len, SQLITE_STATIC);
        int step = sqlite3_step(st);
        sqlite3_reset(st);
        if (step != SQLITE_DONE)
            return tl__index_fail(ix, "writing", e);
        *wid = sqlite3_last_insert_rowid(ix->db);
    }
    if (!rc)
        sit(seat, *wid, hash, text, len);
    return rc;
}

int tl__word_text(tl_index *ix, int64_t wid, const char **text, size_t *len, tl_err *e)
{
    tl__word *seat = &ix->by_wid[(uint64_t)wid % TL__SEATS];
    if (!wid) {
        *text = "";
        *len = 0;
        return 0;
    }
    if (seat->wid != wid) {
        sqlite3_stmt *st;
        int rc = tl__index_statement(ix, TL__READ_WORD, &st, e);
        if (rc)
            return rc;
        sqlite3_bind_int64(st, 1, wid);
        int step = sqlite3_step(st);
        if (step == SQLITE_ROW)
            sit(seat, wid, 0, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
        sqlite3_reset(st);
        if (step == SQLITE_DONE)
            return tl_fail(e, TL_EDATA, "the index is damaged: a text is missing; build it again");
        if (step != SQLITE_ROW)
            return tl__index_fail(ix, "reading", e);
    }
    *text = seat->text;
    *len = seat->len;
    return 0;
}

void tl__words_free(tl_index *ix)
{
    for (int i = 0; i < TL__SEATS; i++) {
        free(ix->by_text[i].text);
        free(ix->by_wid[i].text);
    }
}
