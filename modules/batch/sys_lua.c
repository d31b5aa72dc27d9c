/* See sys_lua.h: files, locks, time. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* environ */
#include "modules/batch/sys_lua.h"
#include "modules/batch/crew.h"
#include "modules/batch/process_lua.h"
#include "modules/batch/script.h"
#include "modules/raster/outfile.h"
#include "runtime/border.h"
#include "runtime/hash.h"
#include "runtime/jail.h"
#include "runtime/json_lua.h"
#include "runtime/mem.h"
#include "runtime/version.h"
#include "runtime/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int failed(lua_State *L, const char *what, const char *path)
{
    int saved = errno;
    lua_pushnil(L);
    lua_pushfstring(L, "cannot %s %s: %s", what, path, strerror(saved));
    lua_pushinteger(L, saved);
    return 3;
}

/* write(path, text): beside, synced, renamed -> true */
static int sys_write(lua_State *L)
{
    size_t len;
    const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &len);
    const char *beside = lua_pushfstring(L, "%s.new-%d", path, (int)getpid());
    FILE *f = fopen(beside, "wb");
    if (!f)
        return failed(L, "write", path);
    int bad = fwrite(text, 1, len, f) != len || fflush(f) || fsync(fileno(f));
    int saved = errno;
    if (fclose(f) && !bad) {
        bad = 1;
        saved = errno;
    }
    if (!bad && rename(beside, path) == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (!bad)
        saved = errno;
    unlink(beside);
    errno = saved;
    return failed(L, "write", path);
}

/* adopt(beside, path): a file that is written becomes `path`, synced -> true */
static int sys_adopt(lua_State *L)
{
    tl_err e = TL_ERR_INIT;
    const char *beside = luaL_checkstring(L, 1), *path = luaL_checkstring(L, 2);
    if (tl_outfile_adopt(beside, path, &e)) {
        lua_pushnil(L);
        lua_pushstring(L, e.message);
        return 2;
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* mkdir(path[, new]): with its parents -> true. A new one was not there before, nor a link of that
 * name. */
static int sys_mkdir(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    if (lua_toboolean(L, 2) ? mkdir(path, 0777) : tl_make_folders(path))
        return failed(L, "make", path);
    lua_pushboolean(L, 1);
    return 1;
}

/* list(dir) -> names without . and .., in no order; nil when it cannot be read */
static int sys_list(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    lua_newtable(L);
    DIR *d = opendir(path);
    if (!d)
        return failed(L, "read", path);
    lua_Integer n = 0;
    for (struct dirent *entry; (entry = readdir(d));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            lua_pushstring(L, entry->d_name);
            lua_rawseti(L, -2, ++n);
        }
    closedir(d);
    return 1;
}

/* stat(path) -> kind ("file", "folder", "other"), bytes, seconds of the last change, id; or nil */
static int sys_stat(lua_State *L)
{
    struct stat st;
    const char *path = luaL_checkstring(L, 1);
    if (stat(path, &st))
        return failed(L, "look at", path);
    lua_pushstring(L, S_ISREG(st.st_mode) ? "file" : S_ISDIR(st.st_mode) ? "folder" : "other");
    lua_pushinteger(L, (lua_Integer)st.st_size);
    lua_pushnumber(L, (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec / 1e9);
    lua_pushfstring(L, "%I:%I", (LUAI_UACINT)st.st_dev, (LUAI_UACINT)st.st_ino);
    return 4;
}

static int sys_realpath(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    char *real = realpath(path, NULL);
    if (!real)
        return failed(L, "find", path);
    lua_pushstring(L, real);
    free(real);
    return 1;
}

static int sys_cwd(lua_State *L)
{
    char *dir = getcwd(NULL, 0);
    lua_pushstring(L, dir ? dir : ".");
    free(dir);
    return 1;
}

/* lock(path[, try]) -> a descriptor that holds it until the process ends; nil when another has it.
 * Inherited by nobody. */
static int sys_lock(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    int try = lua_toboolean(L, 2);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return failed(L, "open", path);
    if (flock(fd, LOCK_EX | (try ? LOCK_NB : 0)) == 0) {
        lua_pushinteger(L, fd);
        return 1;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return failed(L, "lock", path);
}

static int sys_unlock(lua_State *L)
{
    close((int)luaL_checkinteger(L, 1));
    return 0;
}

static int sys_json(lua_State *L) /* text -> value; nil, message */
{
    size_t len;
    json_error_t why;
    const char *text = luaL_checklstring(L, 1, &len);
    json_t *j = json_loadb(text, len, JSON_DECODE_ANY, &why);
    if (!j) {
        lua_pushnil(L);
        lua_pushstring(L, why.text);
        return 2;
    }
    tl_json_push(L, j);
    json_decref(j);
    return 1;
}

static int sys_to_json(lua_State *L) /* value[, indent] -> text */
{
    tl_err e = TL_ERR_INIT;
    json_t *j = tl_json_from(L, 1, &e);
    if (!j)
        return luaL_error(L, "%s", e.message);
    size_t flags = JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
                   (lua_toboolean(L, 2) ? JSON_INDENT(1) : JSON_COMPACT);
    char *text = json_dumps(j, flags);
    json_decref(j);
    lua_pushstring(L, text ? text : "null");
    free(text);
    return 1;
}

static int sys_now(lua_State *L) /* seconds since 1970 */
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    lua_pushnumber(L, (double)t.tv_sec + (double)t.tv_nsec / 1e9);
    return 1;
}

static int sys_steady(lua_State *L) /* seconds of a clock that nobody sets */
{
    lua_pushnumber(L, tl_now());
    return 1;
}

static int sys_sha256(lua_State *L)
{
    size_t len;
    char hex[65];
    const char *text = luaL_checklstring(L, 1, &len);
    tl_sha256(text, len, hex);
    lua_pushstring(L, hex);
    return 1;
}

/* Facts of this process and machine. */
static void push_facts(lua_State *L)
{
    char host[256] = "";
    char *exe = realpath("/proc/self/exe", NULL);
    struct passwd *user = getpwuid(geteuid());
    gethostname(host, sizeof host - 1);
    lua_pushstring(L, host);
    lua_setfield(L, -2, "host");
    lua_pushstring(L, exe ? exe : "tellua");
    lua_setfield(L, -2, "exe");
    free(exe);
    char *worker = tl_jail_worker(NULL);
    if (access(worker, X_OK) == 0) {
        lua_pushstring(L, worker);
        lua_setfield(L, -2, "worker");
    }
    free(worker);
    lua_pushstring(L, user ? user->pw_name : "?");
    lua_setfield(L, -2, "user");
    lua_pushstring(L, user ? user->pw_dir : NULL);
    lua_setfield(L, -2, "home");
    lua_pushstring(L, tl_version());
    lua_setfield(L, -2, "version");
    lua_pushinteger(L, tl_cores());
    lua_setfield(L, -2, "cores");
    lua_pushinteger(L, getpid());
    lua_setfield(L, -2, "pid");
    lua_pushboolean(L, isatty(STDERR_FILENO));
    lua_setfield(L, -2, "terminal");
}

void tl_sys_push(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"write", sys_write},   {"adopt", sys_adopt},     {"mkdir", sys_mkdir},
        {"list", sys_list},     {"stat", sys_stat},       {"realpath", sys_realpath},
        {"cwd", sys_cwd},       {"lock", sys_lock},       {"unlock", sys_unlock},
        {"json", sys_json},     {"to_json", sys_to_json}, {"now", sys_now},
        {"steady", sys_steady}, {"sha256", sys_sha256},   {NULL, NULL}};
    luaL_newlib(L, functions);
    push_facts(L);
    tl__process_open(L);
}
