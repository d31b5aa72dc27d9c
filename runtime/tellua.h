/* Tellua, embedded: Earth observation scripts in a program of your own.
 * SPDX-License-Identifier: MIT
 *
 * The one public header of libtellua. A state runs scripts, hands out the Images they name, and
 * evaluates them over grids into buffers of the caller:
 *
 *     tellua *t = tellua_open(NULL);
 *     if (tellua_run_file(t, "ndvi.lua"))
 *         fprintf(stderr, "%s\n", tellua_message(t));
 *     const tellua_image *ndvi = tellua_output(t, "ndvi");
 *     tellua_grid g;
 *     tellua_native_grid(t, ndvi, &g);
 *     ... tellua_evaluate(t, ndvi, &g, TELLUA_FLOAT32, cells, valid);
 *     tellua_close(t);
 *
 * Functions that may fail return 0, or a code for which tellua_message and tellua_exit_status
 * speak; outputs are untouched then. A state belongs to one thread at a time; different states may
 * be used by different threads. Nothing here exits the process or installs signal handlers. */
#ifndef TELLUA_H
#define TELLUA_H

#include <stddef.h>
#include <stdint.h>
#include <lua.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TELLUA_API __attribute__((visibility("default")))

typedef struct tellua tellua;
typedef struct tl_image tellua_image; /* opaque: lazy, immutable bands */

typedef struct tellua_options {
    size_t lua_memory;      /* bytes that scripts may hold; 0 = 512 MiB */
    int64_t instructions;   /* of a script's own Lua code; 0 = 10^10 */
    int allow_io, allow_os; /* give scripts Lua's io, os */
    int threads;            /* for tellua_evaluate; 0 = all cores */
} tellua_options;

/* Cells of a buffer. ORDER tl_dtype */
typedef enum tellua_type {
    TELLUA_UINT8,
    TELLUA_INT8,
    TELLUA_UINT16,
    TELLUA_INT16,
    TELLUA_UINT32,
    TELLUA_INT32,
    TELLUA_UINT64,
    TELLUA_INT64,
    TELLUA_FLOAT32,
    TELLUA_FLOAT64
} tellua_type;

/* Where, and how finely: north-up cells of a coordinate system, x (easting, longitude) before y.
 * Cell (i, j) of the buffer is centred at x0 + (col + i + 0.5) * dx, y0 - (row + j + 0.5) * dy, in
 * units of the CRS. Must start as the state fills it; crs is any text that PROJ understands. */
typedef struct tellua_grid {
    const char *crs; /* as returned: lives as long as the process */
    double x0, y0;
    double dx, dy;
    int64_t col, row;
    int64_t w, h;
} tellua_grid;

/* NULL only when memory is gone. options may be NULL. */
TELLUA_API tellua *tellua_open(const tellua_options *options);
TELLUA_API void tellua_close(tellua *t); /* NULL is allowed; images of the state are gone */

TELLUA_API const char *tellua_version(void);
/* The last error, one sentence with its address; lives until the next call. "" when none. */
TELLUA_API const char *tellua_message(const tellua *t);
/* What a process should exit with after `code`: 1 script or data, 2 usage, 75 try again, 78
 * configuration, 130 interrupted. */
TELLUA_API int tellua_exit_status(int code);

/* "name=value" for the script's param(name, ...); before the script runs. */
TELLUA_API int tellua_set(tellua *t, const char *name_value);
TELLUA_API int tellua_run_file(tellua *t, const char *path);
TELLUA_API int tellua_run_text(tellua *t, const char *text, size_t len, const char *name);
/* From any thread or a signal handler: stops what runs, code TL_EINTR (exit 130). */
TELLUA_API void tellua_interrupt(tellua *t);

/* What the scripts named with output(name, image). The image lives as long as the state. */
TELLUA_API int tellua_outputs(const tellua *t);
TELLUA_API const char *tellua_output_name(const tellua *t, int i);
TELLUA_API const tellua_image *tellua_output(const tellua *t, const char *name); /* NULL: none */

TELLUA_API int tellua_bands(const tellua_image *img);
TELLUA_API const char *tellua_band_name(const tellua_image *img, int band);
/* CRS, anchor and extent of the image's first source, the finest cell among its sources. */
TELLUA_API int tellua_native_grid(tellua *t, const tellua_image *img, tellua_grid *g);
/* g->w * g->h cells of every band, band after band, rows from the north, into values (of `type`;
 * out of range = not valid) and valid (1 or 0; may be NULL). Invalid cells hold 0. */
TELLUA_API int tellua_evaluate(tellua *t, const tellua_image *img, const tellua_grid *g,
                               tellua_type type, void *values, uint8_t *valid);

/* Calls open(L) as require would and gives scripts its result as global `name`. */
TELLUA_API int tellua_register(tellua *t, const char *name, lua_CFunction open);
TELLUA_API lua_State *tellua_lua(tellua *t);

/* require "tellua" from a stock Lua 5.4. */
TELLUA_API int luaopen_tellua(lua_State *L);

#ifdef __cplusplus
}
#endif
#endif
