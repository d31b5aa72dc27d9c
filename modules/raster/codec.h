/* Tiles to bytes and back. SPDX-License-Identifier: MIT
 *
 * Dense planar cells <-> the bytes of one tile of a TIFF, or of one chunk of an array: invalid
 * cells filled, bands interleaved by cell, neighbours differenced (bytes shuffled for NetCDF,
 * nothing for Zarr), deflated. The same cells give the same bytes. A codec is one thread's: it owns
 * the compressor and scratch memory. Cells and validity are as in tl_read: per band w * h values
 * without gaps and as many bytes 1/0; w, h <= product tile. */
#ifndef TL_CODEC_H
#define TL_CODEC_H

#include "modules/raster/product.h"

typedef struct tl_codec tl_codec;

/* p is borrowed for the codec's life. */
int tl_codec_new(const tl_product *p, tl_codec **out, tl_err *e) TL_MUST_CHECK;
void tl_codec_free(tl_codec *c);             /* NULL is allowed */
int64_t tl_codec_bytes(const tl_product *p); /* memory one codec holds, at most */
/* Whether one codec serves both. */
int tl_codec_alike(const tl_product *a, const tl_product *b);

/* valid, or any valid[b], may be NULL: all cells valid. Values under invalid cells play no part.
 * *out is the codec's, until the next call; out->len is 0 for a tile without valid cells when the
 * product may skip it. */
int tl_codec_encode(tl_codec *c, int w, int h, const void *const *values,
                    const uint8_t *const *valid, tl_packed *out, tl_err *e) TL_MUST_CHECK;

/* Makes of cells what decoding their encoded bytes would give. */
void tl_codec_settle(tl_codec *c, int w, int h, void *const *values, uint8_t *const *valid);

/* Invalid cells come out as 0. TL_EDATA when the bytes are damaged. */
int tl_codec_decode(tl_codec *c, const tl_packed *in, int w, int h, void *const *values,
                    uint8_t *const *valid, tl_err *e) TL_MUST_CHECK;

#endif
