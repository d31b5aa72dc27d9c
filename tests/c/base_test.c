/* Layer 0: errors, memory, buffers. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "runtime/buf.h"
#include "runtime/dtype.h"
#include "runtime/mem.h"

#include <stdlib.h>
#include <string.h>

static void an_error_keeps_its_first_address_and_gains_a_prefix(void **state)
{
    (void)state;
    tl_err e = TL_ERR_INIT;
    char text[512];
    assert_int_equal(tl_fail(&e, TL_EDATA, "block %d is bad", 7), TL_EDATA);
    tl_err_where(&e, "a.lua:3");
    tl_err_where(&e, "b.lua:9");
    tl_err_source(&e, "x.tif");
    tl_err_prefix(&e, "tile 3/4");
    assert_string_equal(tl_err_text(&e, text, sizeof text),
                        "a.lua:3: tile 3/4: block 7 is bad (x.tif)");
    assert_int_equal(tl_exit_status(TL_EDATA), 1);
    assert_int_equal(tl_exit_status(TL_ETRANSIENT), 75);
}

static void equal_texts_intern_to_one_pointer(void **state)
{
    (void)state;
    char name[32];
    const char *first = tl_intern("name 0");
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "name %d", i);
        const char *p = tl_intern(name);
        assert_string_equal(p, name);
        assert_ptr_equal(p, tl_intern(name));
    }
    assert_ptr_equal(first, tl_intern("name 0"));
}

static void an_allocation_whose_size_overflows_is_an_error(void **state)
{
    (void)state;
    void *p = NULL;
    tl_err e = TL_ERR_INIT;
    assert_int_equal(tl_try_alloc(&p, SIZE_MAX / 2, 4, "a test", &e), TL_ENOMEM);
    assert_null(p);
    assert_int_equal(tl_try_alloc(&p, 3, 4, "a test", &e), 0);
    assert_int_equal((uintptr_t)p % 64, 0);
    free(p);
}

static void a_buffer_grows_and_stays_terminated(void **state)
{
    (void)state;
    tl_buf b = TL_BUF_INIT;
    assert_string_equal(tl_buf_text(&b), "");
    for (int i = 0; i < 500; i++)
        tl_buf_printf(&b, "%d,", i % 10);
    assert_int_equal(b.len, 1000);
    assert_int_equal(strlen(b.data), 1000);
    tl_buf_free(&b);
}

static void a_buffer_reads_a_file_and_no_more_than_it_may(void **state)
{
    (void)state;
    const size_t all = 200000;
    FILE *f = tmpfile();
    for (size_t i = 0; i < all; i++)
        putc('a' + (int)(i % 26), f);
    for (size_t most = 0; most <= all + 70000; most += 67890) {
        tl_buf b = TL_BUF_INIT;
        tl_buf_puts(&b, ">");
        rewind(f);
        assert_int_equal(tl_buf_read(&b, f, most), 0);
        assert_int_equal(b.len, 1 + (most < all ? most : all));
        assert_int_equal(strlen(b.data), b.len);
        for (size_t i = 1; i < b.len; i++)
            if (b.data[i] != 'a' + (int)((i - 1) % 26))
                fail_msg("byte %zu is %d", i, b.data[i]);
        tl_buf_free(&b);
    }
    fclose(f);
    tl_buf folder = TL_BUF_INIT;
    f = fopen("/", "r"); /* opens, and cannot be read */
    assert_int_equal(tl_buf_read(&folder, f, SIZE_MAX), -1);
    fclose(f);
    tl_buf_free(&folder);
}

static void type_names_round_trip(void **state)
{
    (void)state;
    for (int t = 0; t < TL_DTYPES; t++) {
        tl_dtype back;
        assert_int_equal(tl_dtype_from_name(tl_dtype_name((tl_dtype)t), &back), 0);
        assert_int_equal(back, t);
    }
    tl_dtype none;
    assert_int_equal(tl_dtype_from_name("float128", &none), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_keeps_its_first_address_and_gains_a_prefix),
        cmocka_unit_test(equal_texts_intern_to_one_pointer),
        cmocka_unit_test(an_allocation_whose_size_overflows_is_an_error),
        cmocka_unit_test(a_buffer_grows_and_stays_terminated),
        cmocka_unit_test(a_buffer_reads_a_file_and_no_more_than_it_may),
        cmocka_unit_test(type_names_round_trip),
    };
    return tl_run_tests(tests);
}
