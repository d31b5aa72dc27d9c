/* Graph nodes: what to compute, one band each. SPDX-License-Identifier: MIT
 *
 * Nodes are immutable after construction and atomically refcounted; arguments are borrowed for the
 * call and kept by reference, a returned node carries one reference for the caller. Any thread. */
#ifndef TL_NODE_H
#define TL_NODE_H

#include "modules/expr/expr.h"
#include "modules/image/source.h"

typedef enum tl_gop {
#define GOP(name, ...) TL_G_##name,
#include "modules/image/gops.def"
#undef GOP
    TL_GOPS
} tl_gop;

typedef enum tl_kind {
    TL_NODE_CONST,
    TL_NODE_BAND,
    TL_NODE_OP,
    TL_NODE_RESULT /* of a user's function: call.h */
} tl_kind;

/* A constant table for lookup; entries that are nil in the script are not valid. */
typedef struct tl_table {
    tl_type type; /* TL_I or TL_F */
    int n;
    tl_num *entry;
    uint8_t *valid;
} tl_table;

typedef struct tl_node tl_node;
struct tl_node {
    atomic_int refs;
    tl_kind kind;
    tl_type type;
    int depth;         /* longest way to a leaf, for the limit below */
    int64_t lo, hi;    /* TL_I: every valid value lies within; TL_B: 0, 1 */
    double flo, fhi;   /* TL_F: every valid value lies within; -inf, inf when nothing is known */
    int f32;           /* TL_F: every valid value is a float32 */
    const char *where; /* script line that made it, interned; "" when unknown */
    tl_num value;      /* TL_NODE_CONST */
    tl_source *source; /* TL_NODE_BAND: a reference */
    int band;          /* 0-based */
    tl_method method;
    tl_gop op; /* TL_NODE_OP */
    int nargs;
    tl_node **arg; /* few, or the call's */
    tl_node *few[3];
    struct tl_call *call; /* TL_NODE_RESULT: a reference */
    int result;           /* which of its results */
    tl_dtype dtype;       /* astype */
    int saturate;         /* astype: clamp instead of invalid */
    tl_table *table;      /* lookup */
    int dx, dy;           /* near */
};

#define TL_MOST_DEPTH 10000

tl_node *tl_node_ref(tl_node *n);
void tl_node_unref(tl_node *n); /* NULL is allowed */

tl_node *tl_node_const(tl_type t, tl_num x, const char *where);
tl_node *tl_node_band(tl_source *s, int band, tl_method m, const char *where);

/* What cannot be computed is refused here, when the chain is built: types that do not fit, a chain
 * deeper than TL_MOST_DEPTH. An operation on constants alone becomes a constant when its value is
 * valid. */
int tl_node_op(tl_gop op, tl_node *const *args, const char *where, tl_node **out,
               tl_err *e) TL_MUST_CHECK;
int tl_node_astype(tl_node *a, tl_dtype t, int saturate, const char *where, tl_node **out,
                   tl_err *e) TL_MUST_CHECK;
/* entry / valid: n each, copied; t is TL_I or TL_F. */
int tl_node_lookup(tl_node *a, tl_type t, const tl_num *entry, const uint8_t *valid, int n,
                   const char *where, tl_node **out, tl_err *e) TL_MUST_CHECK;

/* The cell dx columns east and dy rows south, at most TL_MOST_OFFSET of each; cells outside a
 * source are not valid. */
#define TL_MOST_OFFSET 255
int tl_node_near(tl_node *a, int dx, int dy, const char *where, tl_node **out,
                 tl_err *e) TL_MUST_CHECK;

int tl_node_is_classes(const tl_node *n); /* a source's band whose numbers are classes */

/* The same graph with every source below read by another method. TL_ESCRIPT when that would mix the
 * numbers of classes; where these only decide, as below a mask, they stay as they are read. */
int tl_node_resample(tl_node *n, tl_method m, const char *where, tl_node **out,
                     tl_err *e) TL_MUST_CHECK;

/* n without the masks on it: what its valid cells hold. Borrowed. */
const tl_node *tl_node_unmasked(const tl_node *n);

/* The smallest cell type that holds every value exactly; computed floats count as float32, a
 * float64 band passed through as float64, booleans as uint8. */
tl_dtype tl_node_product_dtype(const tl_node *n);

const char *tl_gop_name(tl_gop op);
int tl_gop_arity(tl_gop op);
int tl_gop_from_name(const char *name, tl_gop *out); /* 0 = known, -1 = not */
const char *tl_type_name(tl_type t);                 /* "boolean", "integer", "float" */

#endif
