/* Images within geometries: see region.h. SPDX-License-Identifier: MIT */
#include "modules/batch/region.h"
#include "modules/raster/coverage.h"
#include "runtime/mem.h"

#include <stdlib.h>

int tl_region_mask(const tl_geometry *g, const char *where, tl_image **out, tl_err *e)
{
    json_t *json = tl_geometry_to_json(g);
    tl_source *s = tl_mask_source(json, e);
    json_decref(json);
    if (!s)
        return e->code;
    tl_image *img = tl_image_of_source(s, where);
    tl_source_unref(s);
    tl_operand args[2] = {{img, TL_I, {0}}, {NULL, TL_I, {.i = 1}}};
    int rc = tl_image_apply(TL_G_eq, args, 2, where, out, e);
    tl_image_unref(img);
    return rc;
}

/* The image with the looks of another. */
static tl_image *with_looks(tl_image *img, const char *looks)
{
    const char **names = tl_xcalloc((size_t)img->nbands, sizeof *names);
    tl_node **nodes = tl_xcalloc((size_t)img->nbands, sizeof *nodes);
    for (int b = 0; b < img->nbands; b++) {
        names[b] = img->band[b].name;
        nodes[b] = img->band[b].node;
    }
    tl_image *to = tl_image_new(names, nodes, img->nbands, looks);
    free(names);
    free(nodes);
    return to;
}

int tl_region_clip(const tl_image *img, const tl_geometry *g, const char *where, tl_image **out,
                   tl_err *e)
{
    tl_image *mask = NULL, *kept = NULL;
    int rc = tl_region_mask(g, where, &mask, e);
    if (!rc) {
        tl_operand args[2] = {{img, TL_I, {0}}, {mask, TL_I, {0}}};
        rc = tl_image_apply(TL_G_keep, args, 2, where, &kept, e);
    }
    if (!rc)
        *out = with_looks(kept, img->looks);
    tl_image_unref(kept);
    tl_image_unref(mask);
    return rc;
}

void tl_region_box(const tl_geometry *g, double box[4])
{
    tl_geometry_box(g, box);
    if (box[2] < box[0])
        box[2] += 360;
    for (int i = 0; i < 2; i++)
        if (!(box[i + 2] > box[i]))
            box[i + 2] = box[i] + 1e-9;
}
