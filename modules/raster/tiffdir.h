/* One image of a TIFF file, as far as finding its blocks needs. Internal.
 * SPDX-License-Identifier: MIT
 *
 * Every number is the file's own claim: what is read here lies within the file's bytes, and nothing
 * is allocated. What is not plain (other compressions, bytes in the other order, cells of odd
 * sizes) is not understood, which is no error: GDAL knows it. */
#ifndef TL_TIFFDIR_H
#define TL_TIFFDIR_H

#include <stdint.h>

/* Numbers that lie in the file, some of them read. */
typedef struct tl_tifflist {
    int size;           /* bytes of each; 0 = there is no such list */
    uint64_t count, at; /* how many, and where the first one lies */
    uint64_t first, n;  /* those read: v[0 .. n - 1] are numbers first, first + 1 ... */
    uint64_t v[64];
} tl_tifflist;

typedef struct tl_tiffdir {
    int64_t w, h, across, down; /* cells; blocks */
    int block_w, block_h;       /* strips: w and the rows of each */
    int tiled;
    int nbands, together; /* bands side by side in a block: nbands or 1 */
    int size;             /* bytes of a cell's number */
    int deflated, predictor;
    tl_tifflist offset, length; /* of blocks, row by row, band by band where not together */
} tl_tiffdir;

typedef struct tl_tiffile {
    int fd;
    uint64_t bytes;
} tl_tiffile;

/* The directory at byte `at`. 0 = not understood. */
int tl_tiffdir_read(const tl_tiffile *f, uint64_t at, tl_tiffdir *d);
/* Where block k lies in the file: wholly inside it, and not empty. 0 = nowhere. */
int tl_tiffdir_block(const tl_tiffile *f, tl_tiffdir *d, int64_t k, uint64_t *at, uint64_t *length);
/* All n bytes from `at` on. 0 = they are not there. */
int tl_tiffile_read(const tl_tiffile *f, uint64_t at, void *to, uint64_t n);

#endif
