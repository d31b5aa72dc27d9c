/* What files a script may read as text: see read_lua.h. SPDX-License-Identifier: MIT */
#include "modules/batch/read_lua.h"
#include "runtime/border.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_BYTES ((size_t)64 << 20)

/* Whether the real path `file` is `root` or lies below it. */
static int lies_below(const char *file, const char *root)
{
    char real[PATH_MAX];
    if (!root || !*root || !realpath(root, real))
        return 0;
    size_t n = strlen(real);
    return strncmp(file, real, n) == 0 && (!file[n] || file[n] == '/' || real[n - 1] == '/');
}

/* Of a served script viewers set parameters too: none of them is the user's word. */
static int may_read(const tl_script *s, const char *file)
{
    if (s->reads_all || lies_below(file, ".") || lies_below(file, s->folder))
        return 1;
    for (int i = 0; i < s->nsettings && !s->set_by_viewers; i++)
        if (lies_below(file, s->setting[i].text))
            return 1;
    return 0;
}

/* A regular file: opening a pipe waits for its writer, and a device might never end. */
int tl_read_text(const char *path, tl_buf *text, tl_err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), rc = 0;
    FILE *f = fd < 0 ? NULL : fdopen(fd, "rb");
    if (!f)
        return tl_fail(e, TL_EDATA, "%s", strerror(errno));
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        rc = tl_fail(e, TL_EDATA, "no regular file");
    if (!rc && tl_buf_read(text, f, MOST_BYTES + 1))
        rc = tl_fail(e, TL_EDATA, "%s", strerror(errno));
    if (!rc && text->len > MOST_BYTES)
        rc = tl_fail(e, TL_EDATA, "more than %zu MiB", MOST_BYTES >> 20);
    fclose(f);
    return rc;
}

static int read_file(const tl_script *s, const char *path, tl_buf *text, tl_err *e)
{
    char real[PATH_MAX];
    int rc = 0;
    if (!realpath(path, real))
        rc = tl_fail(e, TL_EDATA, "%s", strerror(errno));
    else if (!may_read(s, real))
        rc = tl_fail(e, TL_ESCRIPT,
                     "read: neither below the working directory, the script's folder nor what -p "
                     "names; --allow io reads every file");
    else
        rc = tl_read_text(real, text, e);
    return rc ? tl_err_source(e, path) : 0;
}

static void release_text(void *p)
{
    tl_buf_free(p);
    free(p);
}

/* read(file) -> its text; the script is the upvalue */
static int lua_read(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    tl_err e = TL_ERR_INIT;
    const char *path = luaL_checkstring(L, 1);
    tl_box_register(L, "tellua.text", "text", none, NULL, release_text);
    void **box = tl_box_push(L, "tellua.text");
    tl_buf *text = *box = tl_xcalloc(1, sizeof *text);
    if (read_file(lua_touserdata(L, lua_upvalueindex(1)), path, text, &e))
        return tl_raise(L, &e);
    lua_pushlstring(L, tl_buf_text(text), text->len);
    tl_box_close(L, -2, "tellua.text"); /* now, not when Lua comes to it */
    return 1;
}

void tl_read_open_lua(lua_State *L, const tl_script *s)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)s);
    lua_pushcclosure(L, lua_read, 1);
    lua_setfield(L, -2, "read");
}
