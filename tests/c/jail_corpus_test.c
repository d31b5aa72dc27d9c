/* The corpora of the fuzzers of what strangers send, replayed. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#define LLVMFuzzerTestOneInput prog_fuzz
#define run                    run_prog
#include "tests/fuzz/prog_fuzz.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput plan_fuzz
#include "tests/fuzz/plan_fuzz.c"

#include <dirent.h>

static void try_all(const char *path, int (*one)(const uint8_t *, size_t))
{
    static uint8_t data[1 << 18];
    FILE *f = fopen(path, "rb");
    if (!f)
        return;
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    one(data, n);
    for (size_t k = 0; k < n; k += 1 + n / 40) { /* cut off, and changed, anywhere */
        one(data, k);
        data[k] ^= 0x41;
        one(data, n);
        data[k] ^= 0x41;
    }
}

static int replay(const char *folder, int (*one)(const uint8_t *, size_t))
{
    DIR *d = opendir(folder);
    int n = 0;
    for (struct dirent *entry; d && (entry = readdir(d));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        try_all(path, one);
        n++;
    }
    if (d)
        closedir(d);
    print_message("# %d inputs\n", n);
    return n;
}

static void programs_are_survived(void **state)
{
    (void)state;
    assert_true(replay("tests/fuzz/prog_corpus", prog_fuzz) > 5);
}

static void plans_are_survived(void **state)
{
    (void)state;
    assert_true(replay("tests/fuzz/plan_corpus", plan_fuzz) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(programs_are_survived),
                                       cmocka_unit_test(plans_are_survived)};
    return tl_run_tests(tests);
}
