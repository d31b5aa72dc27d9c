/* Pictures to files and terminals. SPDX-License-Identifier: MIT */
#include "tests/c/test.h"
#include "modules/map/picture.h"

#include <png.h>
#include <pthread.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define W 37
#define H 23

static char folder[300];

static int make_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/tellua-picture-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* fails when something was left */
}

static const uint8_t *pixels(void)
{
    static uint8_t rgba[W * H * 4];
    uint64_t seed = 7;
    for (size_t i = 0; i < sizeof rgba; i++)
        rgba[i] = (uint8_t)tl_test_random(&seed);
    for (size_t i = 0; i < W * H; i++)
        rgba[4 * i + 3] = i % 5 ? 255 : 0;
    return rgba;
}

static void a_pixel_is_opaque_where_all_three_planes_are_valid(void **state)
{
    (void)state;
    const uint8_t r[3] = {1, 2, 3}, g[3] = {4, 5, 6}, b[3] = {7, 8, 9}, yes[3] = {1, 1, 1};
    const uint8_t some[3] = {1, 0, 1}, *planes[3] = {r, g, b}, *valid[3] = {yes, some, yes};
    const uint8_t wanted[12] = {1, 4, 7, 255, 0, 0, 0, 0, 3, 6, 9, 255};
    uint8_t rgba[12];
    tl_image_to_rgba(planes, valid, 3, rgba);
    assert_memory_equal(rgba, wanted, 12);
}

static void a_written_png_reads_back_equal(void **state)
{
    (void)state;
    char path[400];
    tl_err e = TL_ERR_INIT;
    uint8_t back[W * H * 4];
    snprintf(path, sizeof path, "%s/a.png", folder);
    assert_tl_ok(tl_picture_write_png(path, W, H, pixels(), &e), &e);
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, path));
    assert_int_equal(image.width, W);
    assert_int_equal(image.height, H);
    assert_int_equal(image.format, PNG_FORMAT_RGBA);
    assert_true(png_image_finish_read(&image, NULL, back, 0, NULL));
    assert_memory_equal(back, pixels(), sizeof back);
    assert_int_equal(unlink(path), 0);
}

static void a_png_that_cannot_be_written_names_the_file_and_leaves_nothing(void **state)
{
    (void)state;
    char path[400];
    tl_err e = TL_ERR_INIT;
    snprintf(path, sizeof path, "%s/none/a.png", folder);
    assert_int_equal(tl_picture_write_png(path, W, H, pixels(), &e), TL_EIO);
    assert_non_null(strstr(e.message, path));
    e = (tl_err)TL_ERR_INIT;
    assert_int_equal(tl_picture_write_png(path, 0, H, pixels(), &e), TL_EUSAGE);
}

/* --- terminals --- */

static size_t print_to_file(int columns, int rows, char *text, size_t size)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(tl_picture_print(f, W, H, pixels(), columns, rows), 0);
    rewind(f);
    size_t n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    fclose(f);
    return n;
}

/* Cells of the widest line, escape sequences left out; *lines gets their number. */
static int widest(const char *s, int *lines)
{
    int most = 0, now = 0;
    *lines = 0;
    for (; *s; s++) {
        if (*s == '\033') {
            while (s[1] && !strchr("mhlJKHC", *s))
                s++;
        } else if (*s == '\n') {
            ++*lines;
            now = 0;
        } else if (((unsigned char)*s & 0xc0) != 0x80) { /* counts a UTF-8 character once */
            now++;
            most = now > most ? now : most;
        }
    }
    return most;
}

static void what_is_no_terminal_gets_coloured_characters_within_its_bounds(void **state)
{
    (void)state;
    static char text[1 << 20];
    int lines;
    unsetenv("NO_COLOR");
    for (int columns = 1; columns <= 120; columns += 17) {
        print_to_file(columns, 20, text, sizeof text);
        int w = widest(text, &lines);
        assert_in_range(w, 1, columns);
        assert_in_range(lines, 1, 20);
        assert_non_null(strstr(text, "\033["));
    }
    print_to_file(0, 0, text, sizeof text);
    assert_in_range(widest(text, &lines), 60, 80); /* 37 x 23 pixels on 80 x 23 cells: 74 x 23 */
    assert_in_range(lines, 22, 23);
}

static void no_color_means_plain_ascii(void **state)
{
    (void)state;
    static char text[1 << 20];
    int lines;
    setenv("NO_COLOR", "1", 1);
    size_t n = print_to_file(40, 20, text, sizeof text);
    unsetenv("NO_COLOR");
    for (size_t i = 0; i < n; i++)
        assert_true(text[i] == '\n' || (text[i] >= 32 && text[i] < 127));
    assert_in_range(widest(text, &lines), 30, 40);
}

static void *print_to(void *fd)
{
    FILE *f = fdopen(*(int *)fd, "w");
    int bad = !f || tl_picture_print(f, W, H, pixels(), 0, 0);
    return f && fclose(f) == 0 && !bad ? fd : NULL;
}

/* What reaches a terminal of this TERM. One writes while another reads: it holds some 4 KiB. */
static void print_to_terminal(const char *term, char *text, size_t size)
{
    int master, slave;
    pthread_t writer;
    void *good;
    struct winsize ws = {.ws_col = 30, .ws_row = 10, .ws_xpixel = 300, .ws_ypixel = 200};
    assert_int_equal(openpty(&master, &slave, NULL, NULL, &ws), 0);
    setenv("TERM", term, 1);
    assert_int_equal(pthread_create(&writer, NULL, print_to, &slave), 0);
    size_t n = 0;
    for (ssize_t k = 1; k > 0 && n + 1 < size; n += k > 0 ? (size_t)k : 0)
        k = read(master, text + n, size - 1 - n);
    text[n] = '\0';
    pthread_join(writer, &good);
    close(master);
    assert_non_null(good);
}

static void the_environment_says_what_a_terminal_shows(void **state)
{
    (void)state;
    static char text[1 << 20];
    int lines;
    unsetenv("NO_COLOR");
    unsetenv("COLORTERM");
    unsetenv("KITTY_PID");
    print_to_terminal("xterm-kitty", text, sizeof text);
    assert_non_null(strstr(text, "\033_G"));
    print_to_terminal("mlterm", text, sizeof text);
    assert_non_null(strstr(text, "\033P"));
    print_to_terminal("xterm-256color", text, sizeof text);
    assert_true(strstr(text, "8;5;") || strstr(text, "8;2;"));
    assert_in_range(widest(text, &lines), 1, 31); /* with the carriage return */
    assert_in_range(lines, 1, 9);
    print_to_terminal("dumb", text, sizeof text);
    assert_null(strchr(text, '\033'));
    assert_true(widest(text, &lines) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pixel_is_opaque_where_all_three_planes_are_valid),
        cmocka_unit_test(a_written_png_reads_back_equal),
        cmocka_unit_test(a_png_that_cannot_be_written_names_the_file_and_leaves_nothing),
        cmocka_unit_test(what_is_no_terminal_gets_coloured_characters_within_its_bounds),
        cmocka_unit_test(no_color_means_plain_ascii),
        cmocka_unit_test(the_environment_says_what_a_terminal_shows),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name(__FILE__, tests, make_folder, remove_folder);
}
