/* A program with Tellua inside: runs a script, evaluates what it names "ndvi" into memory.
 * SPDX-License-Identifier: MIT
 *
 *   cc embed.c $(pkg-config --cflags --libs tellua) -o embed
 *   ./embed scripts/ndvi.lua 'scene=S2A_33TWL_20230815/{band}.tif' */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <tellua.h>

/* A module of our own: scripts call site.name(). */
static int site_name(lua_State *L)
{
    lua_pushstring(L, "embed.c");
    return 1;
}

static int open_site(lua_State *L)
{
    static const luaL_Reg functions[] = {{"name", site_name}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

static int mean_of(tellua *t, const tellua_image *img)
{
    tellua_grid g;
    int rc = tellua_native_grid(t, img, &g);
    if (rc)
        return rc;
    size_t cells = (size_t)(g.w * g.h), bands = (size_t)tellua_bands(img), n = 0;
    float *value = malloc(cells * bands * sizeof *value);
    uint8_t *valid = malloc(cells * bands);
    double sum = 0;
    if (!value || !valid)
        abort();
    rc = tellua_evaluate(t, img, &g, TELLUA_FLOAT32, value, valid);
    for (size_t i = 0; !rc && i < cells * bands; i++)
        if (valid[i]) {
            sum += value[i];
            n++;
        }
    if (!rc)
        printf("%lld x %lld cells of %s, %zu valid, mean %.9f\n", (long long)g.w, (long long)g.h,
               g.crs, n, sum / (double)n);
    free(value);
    free(valid);
    return rc;
}

int main(int argc, char **argv)
{
    tellua *t = tellua_open(NULL);
    if (!t || argc < 2)
        return 2;
    int rc = tellua_register(t, "site", open_site);
    for (int i = 2; i < argc && !rc; i++)
        rc = tellua_set(t, argv[i]);
    if (!rc)
        rc = tellua_run_file(t, argv[1]);
    const tellua_image *ndvi = rc ? NULL : tellua_output(t, "ndvi");
    if (ndvi)
        rc = mean_of(t, ndvi);
    if (rc)
        fprintf(stderr, "%s\n", tellua_message(t));
    else if (!ndvi)
        fprintf(stderr, "%s names no output \"ndvi\"\n", argv[1]);
    tellua_close(t);
    return rc ? tellua_exit_status(rc) : !ndvi;
}
