/* Shared by the files of options. SPDX-License-Identifier: MIT */
#ifndef TL_CLI_OPTIONS_INT_H
#define TL_CLI_OPTIONS_INT_H

#include "runtime/cli.h"

/* Takes an option's text. */
typedef int tl__option_fn(tl_cli *c, const char *text, tl_err *e);

/* Of jobs: cli_options_jobs.c. */
tl__option_fn tl__option_set_after;
tl__option_fn tl__option_set_engine_option;
tl__option_fn tl__option_set_slots;
tl__option_fn tl__option_set_tasks;
tl__option_fn tl__option_set_tile;
tl__option_fn tl__option_set_bundle;
tl__option_fn tl__option_set_under;
tl__option_fn tl__option_set_backoff;
tl__option_fn tl__option_set_checkpoint;
tl__option_fn tl__option_set_metrics;

/* --- texts into values; not 0: it is none */

int tl__option_bad(tl_err *e, const char *text, const char *wanted); /* TL_EUSAGE */
/* Exactly n numbers separated by `sep`. */
int tl__option_numbers(const char *text, char sep, double *x, int n);
int tl__option_whole(const char *text, long long least, long long most, long long *out);
int tl__option_bytes(const char *text, int64_t *out); /* "512M", "2G", "300000k", plain bytes */
int tl__option_append(const char ***list, int *n, const char *t);

#endif
