/* What a script declares: see script.h. SPDX-License-Identifier: MIT */
#include "modules/batch/script.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

int tl_script_set(tl_script *s, const char *name_value, tl_err *e)
{
    const char *eq = strchr(name_value, '=');
    if (!eq || eq == name_value)
        return tl_fail(e, TL_EUSAGE, "-p %s: a parameter is given as name=value", name_value);
    s->setting = tl_xrealloc(s->setting, (size_t)(s->nsettings + 1) * sizeof *s->setting);
    s->setting[s->nsettings++] =
        (tl_setting){.name = tl_xasprintf("%.*s", (int)(eq - name_value), name_value),
                     .text = tl_xstrdup(eq + 1)};
    return 0;
}

static void list_params(const tl_script *s, tl_buf *b)
{
    for (int i = 0; i < s->nparams; i++)
        tl_buf_printf(b, "%s%s", i ? ", " : "", s->param[i].name);
}

int tl_script_check(const tl_script *s, int need_output, tl_err *e)
{
    for (int i = 0; i < s->nsettings; i++)
        if (!s->setting[i].used) {
            tl_buf b = TL_BUF_INIT;
            list_params(s, &b);
            tl_fail(e, TL_EUSAGE, "-p %s=%s: the script has no parameter '%s'%s%s",
                    s->setting[i].name, s->setting[i].text, s->setting[i].name,
                    s->nparams ? "; it has " : "; it has none", tl_buf_text(&b));
            tl_buf_free(&b);
            return e->code;
        }
    if (need_output && s->noutputs == 0)
        return tl_fail(e, TL_ESCRIPT, "%s names no result: add output(\"name\", image)",
                       s->name ? s->name : "the script");
    return 0;
}

json_t *tl_script_params(const tl_script *s)
{
    json_t *o = json_object();
    for (int i = 0; i < s->nparams; i++)
        json_object_set(o, s->param[i].name, s->param[i].value);
    return o;
}

void tl_script_free(tl_script *s)
{
    for (int i = 0; i < s->nsettings; i++) {
        free(s->setting[i].name);
        free(s->setting[i].text);
    }
    for (int i = 0; i < s->nparams; i++) {
        free(s->param[i].name);
        json_decref(s->param[i].value);
        json_decref(s->param[i].options);
    }
    for (int i = 0; i < s->noutputs; i++) {
        free(s->output[i].name);
        tl_image_unref(s->output[i].image);
        json_decref(s->output[i].options);
    }
    free(s->setting);
    free(s->param);
    free(s->output);
    free(s->name);
    *s = (tl_script){0};
}
