/* What every C test includes: cmocka with TAP output. SPDX-License-Identifier: MIT */
#ifndef TL_TEST_H
#define TL_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "runtime/err.h"

/* Fails with the error's own text. */
#define assert_tl_ok(call, e)                                                                      \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s", #call, (e)->message);                                               \
    } while (0)

#define tl_run_tests(tests)                                                                        \
    (cmocka_set_message_output(CM_OUTPUT_TAP),                                                     \
     cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL))

/* A small generator for property tests (splitmix64): same numbers everywhere from the same seed. */
static inline uint64_t tl_test_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#endif
