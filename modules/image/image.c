/* Images: see image.h. SPDX-License-Identifier: MIT */
#include "modules/image/image.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int taken(const tl_image *img, const char *name)
{
    return tl_image_find(img, name) >= 0;
}

static const char *unique(const tl_image *img, const char *name)
{
    const char *r = tl_intern(name);
    for (int k = 2; taken(img, r); k++) {
        char *text = tl_xasprintf("%s_%d", name, k);
        r = tl_intern(text);
        free(text);
    }
    return r;
}

tl_image *tl_image_new(const char *const *names, tl_node *const *nodes, int n, const char *looks)
{
    tl_image *img = tl_xcalloc(1, sizeof *img);
    atomic_init(&img->refs, 1);
    img->band = tl_xcalloc((size_t)n, sizeof *img->band);
    for (int i = 0; i < n; i++) {
        const char *name = unique(img, names[i]);
        img->band[i].name = name;
        img->band[i].node = tl_node_ref(nodes[i]);
        img->nbands++;
    }
    img->looks = looks ? tl_xstrdup(looks) : NULL;
    tl_live(TL_LIVE_IMAGE, 1);
    return img;
}

tl_image *tl_image_ref(tl_image *img)
{
    atomic_fetch_add(&img->refs, 1);
    return img;
}

void tl_image_unref(tl_image *img)
{
    if (!img || atomic_fetch_sub(&img->refs, 1) != 1)
        return;
    for (int i = 0; i < img->nbands; i++)
        tl_node_unref(img->band[i].node);
    free(img->band);
    free(img->looks);
    free(img);
    tl_live(TL_LIVE_IMAGE, -1);
}

tl_image *tl_image_of_source(tl_source *s, const char *where)
{
    const char **names = tl_xcalloc((size_t)s->nbands, sizeof *names);
    tl_node **nodes = tl_xcalloc((size_t)s->nbands, sizeof *nodes);
    for (int i = 0; i < s->nbands; i++) {
        names[i] = s->bands[i].name;
        nodes[i] = tl_node_band(s, i, TL_NEAREST, where);
    }
    tl_image *img = tl_image_new(names, nodes, s->nbands, NULL);
    for (int i = 0; i < s->nbands; i++)
        tl_node_unref(nodes[i]);
    free(nodes);
    free(names);
    return img;
}

int tl_image_find(const tl_image *img, const char *name)
{
    for (int i = 0; i < img->nbands; i++)
        if (strcmp(img->band[i].name, name) == 0)
            return i;
    return -1;
}

const char *tl_image_band_list(const tl_image *img, char *buf, size_t size)
{
    size_t at = 0;
    buf[0] = '\0';
    for (int i = 0; i < img->nbands && at < size; i++) {
        const char *sep = i == 0 ? "" : i == img->nbands - 1 ? " and " : ", ";
        if (i == 12 && img->nbands > 14) {
            snprintf(buf + at, size - at, " ... %d in all", img->nbands);
            break;
        }
        at += (size_t)snprintf(buf + at, size - at, "%s%s", sep, img->band[i].name);
    }
    return buf;
}
