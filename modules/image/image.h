/* Images: named bands of one lazy picture, and how it looks. SPDX-License-Identifier: MIT
 *
 * Immutable after construction, atomically refcounted, any thread. A looks text is JSON that only
 * the map module reads (modules/map/looks.lua); it never changes a value. */
#ifndef TL_IMAGE_H
#define TL_IMAGE_H

#include "modules/image/node.h"

typedef struct tl_image {
    atomic_int refs;
    int nbands;
    struct tl_image_band {
        const char *name; /* interned, unique within the image */
        tl_node *node;    /* a reference */
    } * band;
    char *looks; /* JSON, or NULL for none */
} tl_image;

#define TL_MOST_BANDS 1024

/* n bands; nodes are kept by reference. Equal names get a suffix: "B1", "B1_2". looks is copied. */
tl_image *tl_image_new(const char *const *names, tl_node *const *nodes, int n, const char *looks);
tl_image *tl_image_ref(tl_image *img);
void tl_image_unref(tl_image *img); /* NULL is allowed */

/* Every band of a source. */
tl_image *tl_image_of_source(tl_source *s, const char *where);

int tl_image_find(const tl_image *img, const char *name); /* 0-based, or -1 */

/* An operand of an operation: an image (borrowed), or a constant when img is NULL. */
typedef struct tl_operand {
    const tl_image *img;
    tl_type type;
    tl_num x;
} tl_operand;

/* op band by band: every image has one band, which serves all, or as many as the others. The
 * result's names are those of the first operand with that many bands (for `where`, the if_else of
 * scripts, the chosen values come before the condition). At least one operand is an image. */
int tl_image_apply(tl_gop op, const tl_operand *args, int n, const char *where, tl_image **out,
                   tl_err *e) TL_MUST_CHECK;

/* f on every band; names kept. f as the tl_node_* constructors. */
typedef int tl_band_fn(void *ctx, tl_node *in, tl_node **out, tl_err *e);
int tl_image_map(const tl_image *img, tl_band_fn *f, void *ctx, tl_image **out,
                 tl_err *e) TL_MUST_CHECK;

/* "B02, B03 and B04", at most some ten names; for error messages. Returns buf. */
const char *tl_image_band_list(const tl_image *img, char *buf, size_t size);

#endif
