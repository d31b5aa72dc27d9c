/* Plans: outputs with their graphs, grids and cell types; all that a run needs, as data.
 * SPDX-License-Identifier: MIT
 *
 * A plan is made from a script, or read back from its JSON; both give the same bytes when run. Its
 * text is canonical JSON (sorted keys, no spaces) and the SHA-256 of that text is its key. */
#ifndef TL_PLAN_H
#define TL_PLAN_H

#include <jansson.h>
#include "modules/batch/gridding.h"
#include "modules/batch/script.h"
#include "modules/image/pass.h"
#include "modules/raster/product.h"
#include "runtime/limits.h"

typedef struct tl_plan_output {
    char *name;
    const char *where; /* script line */
    int nbands;
    const char **band;  /* interned names */
    tl_node **node;     /* references: the bands of the first step, of the second ... */
    tl_product product; /* what is written, and on which grid; band_names = band */
    int ntimes;         /* 0 = without a date; more than 1 only in Zarr and NetCDF */
    double *times;      /* seconds since 1970 */
    char **ids;
    int nsteps;             /* 1, or ntimes */
    tl_product part;        /* one of its parts to codec and store: all bands, or in arrays one */
    int nparts;             /* of each step: 1, or in arrays nbands */
    int first_part;         /* its number in the store; the others follow, step by step */
    int pass;               /* of the first step: an index into the plan's passes */
    int first;              /* its first output of that pass */
    uint8_t (*palette)[4];  /* 256 x RGBA, the product's; NULL */
    const char *(*meta)[2]; /* provenance: the plan's, and the date; nmeta of them */
    char time_text[32];     /* in meta */
} tl_plan_output;

/* What a pass computes of one output. */
typedef struct tl_plan_member {
    int output, step;
    int first; /* its first output of the pass */
} tl_plan_member;

/* Outputs on one and the same grid are computed together; each step of a dated one by itself, so
 * that memory does not grow with the number of dates. */
typedef struct tl_plan_pass {
    tl_pass *pass;
    tl_grid grid;
    int tile;  /* cells along a product's tile */
    int nouts; /* bands of all its outputs */
    int dated;
    tl_plan_member *member;
    int nmembers;
} tl_plan_pass;

typedef struct tl_plan {
    tl_plan_output *out;
    int n;
    tl_plan_pass *pass;
    int npasses;
    json_t *params; /* {"name": value} */
    char *script;   /* name of the script, "" for none */
    char script_sha256[65];
    json_t *operations; /* [{"source": uri, "crs": lattice, "operation": PROJ text}] */
    int uses_libm;
    char *text;             /* canonical JSON */
    char key[65];           /* SHA-256 of text */
    const char *(*meta)[2]; /* provenance of the products: key, value */
    int nmeta;
} tl_plan;

/* Turns looks into data: an image of 3 uint8 bands. */
typedef int tl_visualize(void *ctx, const tl_image *img, const json_t *looks, tl_image **out,
                         tl_err *e);

typedef struct tl_plan_request {
    const char *output; /* only the output of this name, or NULL */
    tl_where where;     /* from the command line */
    const char *format; /* "cog", "gtiff", "png", "zarr", "netcdf", or NULL */
    int view;           /* every output as a picture on `viewport` or fitted into view_w x view_h */
    int64_t view_w, view_h;
    const tl_grid *viewport;
    int pictures; /* behind each output its picture on the same grid, named NAME.picture */
    tl_visualize *visualize;
    void *ctx;
} tl_plan_request;

int tl_plan_make(const tl_script *s, const tl_plan_request *r, tl_plan **out,
                 tl_err *e) TL_MUST_CHECK;
/* text: canonical or not; {"key":, "plan":} or the plan itself. A stated key that does not fit, a
 * source that is not what it was, another libm (unless allow_drift): an error. */
int tl_plan_load(const char *text, size_t len, int allow_drift, tl_plan **out,
                 tl_err *e) TL_MUST_CHECK;
/* On whose behalf a plan is read, when it is not the user's own. Borrowed for the call, but for
 * what its functions keep: jail lives as long as the plan. */
typedef struct tl_trust {
    const char *tenant;           /* whose functions share workers with nobody else's */
    struct tl_jail *jail;         /* runtime/jail.h */
    const tl_limits *limits;      /* of one block of a function */
    const struct tl_roots *roots; /* raster/roots.h: where its files may lie */
} tl_trust;
/* A stranger's plan: its functions are compiled in the jail and come back as programs, or run
 * there; its sources lie below the roots. Otherwise as tl_plan_load; blocks while workers compile.
 */
int tl_plan_load_foreign(const char *text, size_t len, const tl_trust *trust, tl_plan **out,
                         tl_err *e) TL_MUST_CHECK;
/* The user's own plan, whose functions are compiled, or run, in the jail all the same; `workers`
 * says whose and by which limits (its roots are not looked at). TL_ECONFIG when there can be no
 * jail. */
int tl_plan_load_confined(const char *text, size_t len, int allow_drift, const tl_trust *workers,
                          tl_plan **out, tl_err *e) TL_MUST_CHECK;
void tl_plan_free(tl_plan *p); /* NULL is allowed */

/* One line per fact: outputs, grids, sources and how each is sampled, the program. With `program`
 * the instructions too. */
void tl_plan_explain(const tl_plan *p, int program, tl_buf *out);

/* Hash of some 1,000 results of exp, sin, pow ...: equal where products will be. 16 hex digits. */
void tl_libm_probe(char hex[17]);

/* A JSON string of any bytes: what is not UTF-8 becomes '?'. For texts that people read. */
json_t *tl_json_text(const char *s);

#endif
