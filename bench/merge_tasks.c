/* Computes all tasks of a job folder in one process, for bench/merge.sh. SPDX-License-Identifier:
 * MIT
 *
 *   merge_tasks JOB TASKS */
#include "modules/batch/task.h"
#include "modules/batch/work.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = tl_xmalloc(64u << 20);
    *len = fread(text, 1, 64u << 20, f);
    fclose(f);
    return text;
}

int main(int argc, char **argv)
{
    tl_err e = TL_ERR_INIT;
    tl_plan *plan = NULL;
    size_t len = 0;
    char *path = tl_xasprintf("%s/plan.json", argc == 3 ? argv[1] : "");
    char *text = read_file(path, &len);
    int64_t n = argc == 3 ? atoll(argv[2]) : 0;
    int rc = !text || n < 1 ? 1 : tl_plan_load(text, len, 0, &plan, &e);
    int64_t tiles = plan ? tl_work_tiles(plan) : 0;
    for (int64_t k = 0; k < n && !rc; k++) {
        char dir[4096], name[32];
        snprintf(dir, sizeof dir, "%s/tasks/%03lld", argv[1], (long long)k / 1000);
        snprintf(name, sizeof name, "%07lld", (long long)k);
        tl_run_report r;
        tl_task t = {.dir = dir, .name = name, .threads = 2};
        tl_task_range(tiles, n, k, &t.first, &t.end);
        rc = tl_task_run(plan, &t, &r, &e);
    }
    if (rc)
        fprintf(stderr, "%s\n", e.message[0] ? e.message : "usage: merge_tasks JOB TASKS");
    tl_plan_free(plan);
    free(text);
    free(path);
    return rc != 0;
}
