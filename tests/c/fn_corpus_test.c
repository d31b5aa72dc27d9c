/* The fuzzer's corpus, replayed. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "tests/fuzz/fn_fuzz.c"

#include <dirent.h>

static int replay(const char *path)
{
    static uint8_t data[1 << 16];
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    for (size_t k = 0; k < n; k += 1 + n / 40) /* cut off anywhere */
        LLVMFuzzerTestOneInput(data, k);
    return 1;
}

static void the_corpus_is_survived(void **state)
{
    (void)state;
    static const char folder[] = "tests/fuzz/fn_corpus";
    DIR *d = opendir(folder);
    int n = 0;
    if (!d)
        skip();
    for (struct dirent *entry; (entry = readdir(d));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            n += replay(path);
    }
    closedir(d);
    print_message("# %d texts\n", n);
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_corpus_is_survived)};
    return tl_run_tests(tests);
}
