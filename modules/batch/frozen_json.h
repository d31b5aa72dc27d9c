/* Functions and frozen values as JSON, for plans. SPDX-License-Identifier: MIT
 *
 * nil, booleans, integers and finite floats are JSON's own; {"float": "nan" | "-nan" | "inf" |
 * "-inf"}; a string is one, or {"bytes": hex} when it is no UTF-8 or holds a NUL; {"array": [...],
 * "keys": [[key, value], ...]}; {"text":, "chunk":, "line":, "column":, "free": [...]};
 * {"builtin": name}; {"refused": reason}. What is read may be a stranger's. */
#ifndef TL_FROZEN_JSON_H
#define TL_FROZEN_JSON_H

#include <jansson.h>
#include "modules/expr/fn.h"

/* How much a plan may still hold; the same for writing and reading. Start from
 * TL_FROZEN_BUDGET_INIT. */
typedef struct tl_frozen_budget {
    int values, functions;
    int unread; /* reading: functions are strangers', their texts are not looked into */
} tl_frozen_budget;
#define TL_FROZEN_BUDGET_INIT                                                                      \
    {                                                                                              \
        8 * TL_FROZEN_MOST_ENTRIES, 10000, 0                                                       \
    }

/* A new reference; NULL when the budget is used up. v NULL is nil. */
json_t *tl_frozen_to_json(const tl_frozen *v, tl_frozen_budget *b);
/* One reference. TL_EDATA. */
int tl_frozen_from_json(const json_t *j, tl_frozen_budget *b, tl_frozen **out,
                        tl_err *e) TL_MUST_CHECK;

/* {"text":, "chunk":, "line":, "column":, "expression":}; a chunk that is a file, without its
 * folder. */
json_t *tl_fn_to_json(const tl_fn *fn, tl_frozen_budget *b);
int tl_fn_from_json(const json_t *j, tl_frozen_budget *b, tl_fn **out, tl_err *e) TL_MUST_CHECK;

#endif
