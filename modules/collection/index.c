/* The index: files, transactions. SPDX-License-Identifier: MIT */
#include "modules/collection/index_int.h"
#include "runtime/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define APPLICATION_ID 0x544c6978 /* "TLix" */
#define VERSION        1
#define CACHE_KIB      65536

static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "INSERT INTO meta VALUES('placed', 0);"
    "CREATE TABLE word(wid INTEGER PRIMARY KEY, hash INTEGER, text BLOB);"
    "CREATE INDEX word_hash ON word(hash);"
    "CREATE TABLE scene(rid INTEGER PRIMARY KEY, id TEXT, collection INTEGER, platform INTEGER,"
    " tile TEXT, t0 REAL, t1 REAL, cloud REAL, w REAL, s REAL, e REAL, n REAL);"
    "CREATE TABLE detail(rid INTEGER PRIMARY KEY, sum INTEGER, crs INTEGER, xmin REAL, ymin REAL,"
    " xmax REAL, ymax REAL, layout INTEGER, info INTEGER, shape INTEGER, ring BLOB, dirs BLOB,"
    " props BLOB);"
    "CREATE TABLE byid(hash INTEGER, rid INTEGER, PRIMARY KEY(hash, rid)) WITHOUT ROWID;"
    "CREATE VIRTUAL TABLE place USING rtree(id, w, e, s, n, t0, t1);";

static const char *const statement[TL__STATEMENTS] = {
    [TL__FIND_ID] = ("SELECT s.rid, s.id, d.sum FROM byid b, scene s, detail d"
                     " WHERE b.hash = ? AND s.rid = b.rid AND d.rid = b.rid"),
    [TL__ADD_SCENE] = "INSERT INTO scene VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
    [TL__ADD_DETAIL] = "INSERT INTO detail VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [TL__ADD_BYID] = "INSERT INTO byid VALUES(?,?)",
    [TL__DROP_SCENE] = "DELETE FROM scene WHERE rid = ?",
    [TL__DROP_DETAIL] = "DELETE FROM detail WHERE rid = ?",
    [TL__DROP_BYID] = "DELETE FROM byid WHERE hash = ?2 AND rid = ?1",
    [TL__DROP_PLACE] = "DELETE FROM place WHERE id = ?",
    [TL__ADD_PLACE] = "INSERT INTO place VALUES(?,?,?,?,?,?,?)",
    [TL__FIND_WORD] = "SELECT wid, text FROM word WHERE hash = ?",
    [TL__ADD_WORD] = "INSERT INTO word(hash, text) VALUES(?,?)",
    [TL__READ_WORD] = "SELECT text FROM word WHERE wid = ?",
};

int tl__index_fail(tl_index *ix, const char *doing, tl_err *e)
{
    const char *path = ix->path ? ix->path : "the index in memory";
    int code = TL_EDATA;
    switch (sqlite3_errcode(ix->db)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return tl_fail(e, TL_ETRANSIENT, "%s: another process writes this index", path);
    case SQLITE_NOMEM:
        code = TL_ENOMEM;
        break;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        code = ix->writer ? TL_EIO : TL_EDATA;
        break;
    default:
        break;
    }
    return tl_fail(e, code, "%s: %s failed: %s", path, doing, sqlite3_errmsg(ix->db));
}

int tl__index_exec(tl_index *ix, const char *sql, tl_err *e)
{
    return sqlite3_exec(ix->db, sql, NULL, NULL, NULL) ? tl__index_fail(ix, "a change", e) : 0;
}

int tl__index_statement(tl_index *ix, int which, sqlite3_stmt **out, tl_err *e)
{
    if (!ix->st[which] && sqlite3_prepare_v3(ix->db, statement[which], -1,
                                             SQLITE_PREPARE_PERSISTENT, &ix->st[which], NULL))
        return tl__index_fail(ix, "reading", e);
    *out = ix->st[which];
    return 0;
}

static int number(tl_index *ix, const char *sql, int64_t *out, tl_err *e)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(ix->db, sql, -1, &st, NULL) || sqlite3_step(st) != SQLITE_ROW) {
        sqlite3_finalize(st);
        return tl__index_fail(ix, "reading", e);
    }
    *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return 0;
}

int tl_index_is_index(const char *path)
{
    unsigned char head[72];
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t n = fread(head, 1, sizeof head, f);
    fclose(f);
    return n == sizeof head && memcmp(head, "SQLite format 3", 16) == 0 &&
           ((uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 | (uint32_t)head[70] << 8 |
            head[71]) == APPLICATION_ID;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int connect_to(tl_index *ix, int flags, tl_err *e)
{
    int rc = sqlite3_open_v2(ix->path ? ix->path : ":memory:", &ix->db, flags | SQLITE_OPEN_NOMUTEX,
                             NULL);
    if (!ix->db)
        return tl_fail(e, TL_ENOMEM, "no memory for an index");
    if (rc)
        return tl__index_fail(ix, "opening", e);
    char *pragma = tl_xasprintf("PRAGMA cache_size = -%d; PRAGMA trusted_schema = 0", CACHE_KIB);
    rc = tl__index_exec(ix, pragma, e);
    free(pragma);
    return rc ? rc : tl__index_functions(ix, e);
}

static int check_version(tl_index *ix, tl_err *e)
{
    int64_t app = 0, version = 0;
    int rc = number(ix, "PRAGMA application_id", &app, e);
    if (!rc)
        rc = number(ix, "PRAGMA user_version", &version, e);
    if (!rc && app != APPLICATION_ID)
        rc = tl_fail(e, TL_EDATA, "%s is no index of Tellua's", ix->path);
    if (!rc && version != VERSION)
        rc = tl_fail(e, TL_EDATA,
                     "%s was made by another version of Tellua (format %lld, not %d): build it "
                     "again with `tellua index`",
                     ix->path, (long long)version, VERSION);
    return rc;
}

static int read_state(tl_index *ix, tl_err *e)
{
    int64_t last;
    int rc = number(ix, "SELECT value FROM meta WHERE key = 'placed'", &ix->placed, e);
    if (!rc)
        rc = number(ix, "SELECT ifnull(max(rid), 0) FROM scene", &last, e);
    if (rc)
        return rc;
    ix->waiting = last > ix->placed;
    ix->next_rid = (last > ix->placed ? last : ix->placed) + 1;
    return 0;
}

/* The lock is kept until the index is closed. */
static int begin(tl_index *ix, tl_err *e)
{
    return tl__index_exec(ix, "BEGIN IMMEDIATE", e);
}

static int start_writing(tl_index *ix, tl_err *e)
{
    struct stat st;
    int fresh = !ix->path || stat(ix->path, &st) || st.st_size == 0;
    if (!fresh && !tl_index_is_index(ix->path))
        return tl_fail(e, TL_EDATA, "%s exists and is no index of Tellua's", ix->path);
    int rc = connect_to(ix, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
    if (!rc)
        rc = tl__index_exec(ix, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = NORMAL", e);
    if (!rc)
        rc = begin(ix, e);
    if (!rc && fresh) {
        char *sql = tl_xasprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; %s",
                                 APPLICATION_ID, VERSION, schema);
        rc = tl__index_exec(ix, sql, e);
        free(sql);
    } else if (!rc) {
        rc = check_version(ix, e);
    }
    return rc ? rc : read_state(ix, e);
}

int tl_index_create(const char *path, tl_index **out, tl_err *e)
{
    tl_index *ix = tl_xcalloc(1, sizeof *ix);
    ix->path = path ? tl_xstrdup(path) : NULL;
    ix->writer = 1;
    int rc = start_writing(ix, e);
    if (!rc)
        *out = ix;
    else
        tl_index_close(ix);
    return rc;
}

static int start_reading(tl_index *ix, tl_err *e)
{
    tl_err first = TL_ERR_INIT;
    if (!tl_index_is_index(ix->path)) {
        FILE *f = fopen(ix->path, "rb");
        if (!f)
            return tl_fail(e, TL_EDATA, "%s: %s", ix->path, strerror(errno));
        fclose(f);
        return tl_fail(e, TL_EDATA, "%s is no index of Tellua's", ix->path);
    }
    /* What a killed writer left half done is undone by the next who opens it, if he may write. */
    if (connect_to(ix, SQLITE_OPEN_READWRITE, &first)) {
        sqlite3_close(ix->db);
        ix->db = NULL;
        int rc = connect_to(ix, SQLITE_OPEN_READONLY, e);
        if (rc)
            return rc;
    }
    int rc = check_version(ix, e);
    if (!rc)
        rc = read_state(ix, e);
    if (!rc && ix->waiting)
        rc = tl_fail(e, TL_EDATA,
                     "%s is not finished: `tellua index` was stopped; run it again and it goes on",
                     ix->path);
    return rc;
}

int tl_index_open(const char *path, tl_index **out, tl_err *e)
{
    tl_index *ix = tl_xcalloc(1, sizeof *ix);
    ix->path = tl_xstrdup(path);
    int rc = start_reading(ix, e);
    if (!rc)
        *out = ix;
    else
        tl_index_close(ix);
    return rc;
}

void tl_index_close(tl_index *ix)
{
    if (!ix)
        return;
    for (int i = 0; i < TL__STATEMENTS; i++)
        sqlite3_finalize(ix->st[i]);
    sqlite3_close(ix->db);
    tl__words_free(ix);
    tl__packed_free(&ix->packed);
    free(ix->path);
    free(ix);
}

int tl_index_commit(tl_index *ix, tl_err *e)
{
    int rc = tl__index_place(ix, e);
    if (!rc)
        rc = tl__index_exec(ix, "CREATE INDEX IF NOT EXISTS scene_t0 ON scene(t0); COMMIT", e);
    ix->since_commit = 0;
    return rc ? rc : begin(ix, e);
}

int tl_index_counted(tl_index *ix, tl_index_counts *out, tl_err *e)
{
    int rc = number(ix, "SELECT count(*) FROM byid", &ix->n.scenes, e);
    *out = ix->n;
    return rc;
}

void tl_index_want(tl_index *ix, const json_t *query)
{
    ix->wanted = query;
}

const json_t *tl_index_wanted(const tl_index *ix)
{
    return ix->wanted;
}

void tl_index_on_progress(tl_index *ix, tl_index_progress *fn, void *ctx)
{
    ix->progress = fn;
    ix->progress_ctx = ctx;
}
