/* Sources: reference counts and names. See source.h. SPDX-License-Identifier: MIT */
#include "modules/image/source.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

tl_source *tl_source_ref(tl_source *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void tl_source_unref(tl_source *s)
{
    if (s && atomic_fetch_sub(&s->refs, 1) == 1)
        s->vt->destroy(s);
}

tl_sampling *tl_sampling_ref(tl_sampling *m)
{
    atomic_fetch_add(&m->refs, 1);
    return m;
}

void tl_sampling_unref(tl_sampling *m)
{
    if (m && atomic_fetch_sub(&m->refs, 1) == 1)
        m->source->vt->sampling_destroy(m);
}

void tl_sampling_begin(tl_sampling *m, tl_source *s, const tl_grid *lattice, tl_method method,
                       const char *note)
{
    m->source = tl_source_ref(s);
    atomic_init(&m->refs, 1);
    m->lattice = *lattice;
    m->method = method;
    m->operation = tl_xstrdup("");
    m->note = tl_xstrdup(note);
    m->coarser = 1;
}

void tl_sampling_end(tl_sampling *m)
{
    tl_source_unref(m->source);
    free(m->operation);
    free(m->note);
}

void tl_sampling_destroy(tl_sampling *m)
{
    tl_sampling_end(m);
    free(m);
}

/* ORDER TL_METHOD */
static const char *const method_names[TL_METHODS] = {"nearest", "bilinear", "cubic", "average",
                                                     "mode"};

int tl_method_mixes(tl_method m)
{
    return m != TL_NEAREST && m != TL_MODE;
}

const char *tl_method_name(tl_method m)
{
    return method_names[m];
}

int tl_method_from_name(const char *name, tl_method *out)
{
    for (int m = 0; m < TL_METHODS; m++)
        if (strcmp(method_names[m], name) == 0) {
            *out = (tl_method)m;
            return 0;
        }
    return -1;
}
