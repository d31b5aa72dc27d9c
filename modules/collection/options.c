/* Options of the readers of folders and stacks. SPDX-License-Identifier: MIT */
#include "modules/collection/folder_int.h"

#include <string.h>

static int text_option(const char *name, const json_t *value, const char **out, tl_err *e)
{
    if (!json_is_string(value))
        return tl_fail(e, TL_EUSAGE, "option %s: a text is wanted", name);
    *out = json_string_value(value);
    return 0;
}

int tl__read_options(const json_t *options, tl__drafts *all, tl__pattern **pattern, tl_err *e)
{
    const char *name, *text = NULL;
    json_t *value;
    int code = 0;
    json_object_foreach((json_t *)options, name, value)
    {
        if (code)
            break;
        if (strcmp(name, "collection") == 0) {
            code = text_option(name, value, &all->collection, e);
        } else if (strcmp(name, "on_error") == 0) {
            code = text_option(name, value, &text, e);
            if (!code && strcmp(text, "skip") != 0 && strcmp(text, "fail") != 0)
                code =
                    tl_fail(e, TL_EUSAGE, "option on_error: '%s' is neither fail nor skip", text);
            all->skip = !code && strcmp(text, "skip") == 0;
        } else if (pattern && strcmp(name, "pattern") == 0) {
            code = text_option(name, value, &text, e);
            if (!code)
                code = tl__pattern_new(text, pattern, e);
        } else {
            code = tl_fail(e, TL_EUSAGE, "unknown option %s; there are %scollection and on_error",
                           name, pattern ? "pattern, " : "");
        }
    }
    return code;
}
