/* What a script declares: parameters and outputs. SPDX-License-Identifier: MIT
 *
 * One per run of a script; filled by the Lua functions param and output, read by the planner. */
#ifndef TL_SCRIPT_H
#define TL_SCRIPT_H

#include <jansson.h>
#include "modules/image/image.h"

typedef struct tl_param {
    char *name;
    json_t *value;   /* what the script got */
    json_t *options; /* {"default":..., "min":..., "max":..., "choices":[...], "label":...} */
} tl_param;

typedef struct tl_setting { /* -p name=value */
    char *name, *text;
    int used;
} tl_setting;

/* One of a dated output's images. */
typedef struct tl_dated {
    tl_image *image; /* a reference */
    double time;     /* seconds since 1970; NaN = not known */
    char *id;
} tl_dated;

typedef struct tl_output {
    char *name;
    const char *where; /* script line, interned */
    tl_image *image;   /* a reference; of a dated output its first one */
    json_t *options;   /* an object: crs, res, region, dtype ... and looks */
    tl_dated *dated;   /* in order of time, then as they were given; all with the same bands */
    int ndated;        /* 0 = an Image without a date */
} tl_output;

typedef struct tl_script_table { /* rows or a model, computed while the script ran */
    char *name;
    const char *where; /* interned */
    char *text;        /* or other bytes */
    size_t len;
    const char *suffix; /* of the file: "csv", "json", "geojson", "gif"; interned */
} tl_script_table;

typedef struct tl_script {
    char *name; /* as the user named it, for provenance; NULL for none */
    char sha256[65];
    char *folder;       /* where it lies; NULL: no file */
    int reads_all;      /* read() has no limits: --allow io */
    int set_by_viewers; /* served: the settings may be strangers' */
    tl_setting *setting;
    int nsettings;
    tl_param *param;
    int nparams;
    tl_output *output;
    int noutputs;
    tl_script_table *table;
    int ntables;
} tl_script;

/* "name=value"; TL_EUSAGE when it has no '='. */
int tl_script_set(tl_script *s, const char *name_value, tl_err *e) TL_MUST_CHECK;
/* After the script ran: every setting was asked for, and there is an output. */
int tl_script_check(const tl_script *s, int need_output, tl_err *e) TL_MUST_CHECK;
/* Puts the images of a dated output in order, and says which do not have the bands of the first. */
int tl_output_arrange(tl_output *o, tl_err *e) TL_MUST_CHECK;
tl_output tl_output_copy(const tl_output *o); /* shares the images; free it */
void tl_output_free(tl_output *o);            /* its contents */
/* Whether there is a picture to compute: not when the script, or the output asked for (or NULL),
 * has tables alone. */
int tl_script_wants_plan(const tl_script *s, const char *output);
/* Where an output of that name stands in the script; NULL when there is none. */
const char *tl_script_named(const tl_script *s, const char *name);
int tl_make_folders(const char *dir); /* as mkdir -p; not 0: errno says why */
/* dir/NAME.SUFFIX of a table, written beside and renamed; *path is malloc'd. */
int tl_script_write_table(const tl_script_table *t, const char *dir, char **path,
                          tl_err *e) TL_MUST_CHECK;
/* {"name": value, ...}: a new reference. */
json_t *tl_script_params(const tl_script *s);
void tl_script_free(tl_script *s); /* its contents */

#endif
