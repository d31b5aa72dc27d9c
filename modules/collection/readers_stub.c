/* Readers that are not built yet. SPDX-License-Identifier: MIT */
#include "modules/collection/open.h"

static int not_yet(const char *source, const char *what, tl_err *e)
{
    return tl_fail(e, TL_EDATA, "%s: %s cannot be read yet", source, what);
}

__attribute__((weak)) int tl_read_folder(const char *source, const json_t *options, tl_index *into,
                                         tl_err *e)
{
    (void)options;
    (void)into;
    return not_yet(source, "folders", e);
}

__attribute__((weak)) int tl_read_timestack(const char *source, const json_t *options,
                                            tl_index *into, tl_err *e)
{
    (void)options;
    (void)into;
    return not_yet(source, "time stacks", e);
}
