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

static int count_bands(const tl_operand *args, int n, int *bands, tl_err *e)
{
    *bands = 1;
    for (int i = 0; i < n; i++)
        if (args[i].img && args[i].img->nbands > 1)
            *bands = args[i].img->nbands;
    for (int i = 0; i < n; i++) {
        int k = args[i].img ? args[i].img->nbands : 1;
        if (k != 1 && k != *bands)
            return tl_fail(
                e, TL_ESCRIPT,
                "images of %d and %d bands; they need as many bands, or one of them just "
                "one: img:select(...)",
                k, *bands);
    }
    return 0;
}

static const tl_image *namesake(tl_gop op, const tl_operand *args, int n, int bands)
{
    for (int k = 0; k < n; k++) {
        int i = op == TL_G_where ? (k + 1) % n : k;
        if (args[i].img && args[i].img->nbands == bands)
            return args[i].img;
    }
    return NULL;
}

/* op on band b of each operand. */
static int apply_band(tl_gop op, const tl_operand *args, int n, int b, const char *where,
                      tl_node **out, tl_err *e)
{
    tl_node *a[3], *made[3] = {NULL, NULL, NULL};
    for (int i = 0; i < n; i++) {
        const tl_image *img = args[i].img;
        a[i] = img ? img->band[img->nbands > 1 ? b : 0].node
                   : (made[i] = tl_node_const(args[i].type, args[i].x, where));
    }
    int rc = tl_node_op(op, a, where, out, e);
    for (int i = 0; i < n; i++)
        tl_node_unref(made[i]);
    return rc;
}

/* Makes an image of the nodes and gives their references up; on failure only the latter. */
static int hand_over(const tl_image *names, tl_node **nodes, int made, int rc, tl_image **out)
{
    const char **name = tl_xcalloc((size_t)made, sizeof *name);
    for (int b = 0; b < made; b++)
        name[b] = names->band[b].name;
    if (!rc)
        *out = tl_image_new(name, nodes, made, NULL);
    for (int b = 0; b < made; b++)
        tl_node_unref(nodes[b]);
    free(name);
    free(nodes);
    return rc;
}

int tl_image_apply(tl_gop op, const tl_operand *args, int n, const char *where, tl_image **out,
                   tl_err *e)
{
    int bands, made = 0, rc = count_bands(args, n, &bands, e);
    if (rc)
        return tl_err_where(e, where);
    if (op == TL_G_keep && bands > 1 && args[0].img && args[0].img->nbands == 1) {
        tl_fail(e, TL_ESCRIPT, "one band cannot be masked by %d; select one of the mask", bands);
        return tl_err_where(e, where);
    }
    const tl_image *names = namesake(op, args, n, bands);
    tl_node **nodes = tl_xcalloc((size_t)bands, sizeof *nodes);
    while (made < bands && !(rc = apply_band(op, args, n, made, where, &nodes[made], e)))
        made++;
    return hand_over(names, nodes, made, rc, out);
}

int tl_image_map(const tl_image *img, tl_band_fn *f, void *ctx, tl_image **out, tl_err *e)
{
    int made = 0, rc = 0;
    tl_node **nodes = tl_xcalloc((size_t)img->nbands, sizeof *nodes);
    while (made < img->nbands && !(rc = f(ctx, img->band[made].node, &nodes[made], e)))
        made++;
    return hand_over(img, nodes, made, rc, out);
}
