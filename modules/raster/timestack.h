/* Stacks: netCDF and Zarr files described for use as scenes. SPDX-License-Identifier: MIT
 *
 * What is asked of a file of arrays before any pixel: which variables lie over the same two
 * dimensions, which dimension is time, and its numbers as they are stored. Plain records, owned by
 * the caller. */
#ifndef TL_RASTER_TIMESTACK_H
#define TL_RASTER_TIMESTACK_H

#include "runtime/err.h"
#include <stddef.h>

typedef struct tl_stack_var {
    char *key;      /* the variable's name, and the further coordinate's where it has one */
    char *variable; /* "B04" */
    int has_time;   /* 0: the same for all steps */
    int extra;      /* -1, or the index on the one further dimension */
    int band, by;   /* netCDF: step i is band + i * by of the file */
    int time_first; /* order of time and the further dimension */
} tl_stack_var;

/* A variable with one value for each step. */
typedef struct tl_stack_scalar {
    char *name;
    double *value; /* nsteps */
} tl_stack_scalar;

typedef struct tl_stack {
    char *file; /* absolute */
    int is_zarr;
    size_t nsteps;                  /* 1 when there is no time */
    char *time_name;                /* of the dimension; "" when there is none */
    double *number;                 /* nsteps as stored; NULL */
    char **text;                    /* or nsteps texts; NULL */
    char *units, *calendar, *start; /* "" unknown; start: what the file says of its begin */
    size_t nvars, nscalars;
    tl_stack_var *var;
    tl_stack_scalar *scalar;
} tl_stack;

/* A path, or NETCDF:"f.nc":B04 for one variable of it. *out is freed by tl_stack_free. A file
 * without a variable over two dimensions is an error. */
int tl_stack_open(const char *path, tl_stack **out, tl_err *e) TL_MUST_CHECK;
void tl_stack_free(tl_stack *s); /* NULL is allowed */

/* The name by which tl_raster_open opens a variable at a step, malloc'd, and the band of it. */
char *tl_stack_href(const tl_stack *s, const tl_stack_var *v, size_t step, int *band);

#endif
