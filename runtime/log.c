/* The log: see log.h. SPDX-License-Identifier: MIT */
#include "runtime/log.h"
#include "runtime/buf.h"
#include "runtime/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int current = TL_LOG_WARN;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char status[256];

void tl_log_set_level(enum tl_log_level level)
{
    atomic_store(&current, (int)level);
}

enum tl_log_level tl_log_level(void)
{
    return (enum tl_log_level)atomic_load(&current);
}

/* Bytes of the UTF-8 character at p that a terminal may be shown; 0 = none. */
static size_t visible_bytes(const unsigned char *p)
{
    if (p[0] < 0x80)
        return p[0] >= 32 && p[0] != 127;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!tl_is_within_character((char)p[i]))
            return 0;
    /* Other controls (U+0080..9F), needlessly long forms, surrogates, beyond U+10FFFF. */
    int bad = (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) ||
              (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
              (p[0] == 0xf4 && p[1] > 0x8f);
    return bad ? 0 : n;
}

void tl_make_visible(char *text, const char *keep)
{
    while (*text) {
        size_t n = visible_bytes((const unsigned char *)text);
        if (!n && !strchr(keep, *text))
            *text = '?';
        text += n ? n : 1;
    }
}

static void put_line(const char *label, char *text)
{
    tl_buf line = TL_BUF_INIT;
    tl_make_visible(text, "\n\t"); /* they must not steer the terminal */
    pthread_mutex_lock(&lock);
    if (status[0])
        tl_buf_puts(&line, "\r\033[K");
    tl_buf_printf(&line, "tellua: %s%s\n%s", label, text, status);
    ssize_t ignored = write(STDERR_FILENO, line.data, line.len);
    (void)ignored;
    pthread_mutex_unlock(&lock);
    tl_buf_free(&line);
}

static void vlog(enum tl_log_level level, const char *fmt, va_list ap)
{
    static const char *const label[] = {"", "warning: ", "", "debug: "};
    char text[1536];
    if ((int)level > atomic_load(&current))
        return;
    vsnprintf(text, sizeof text, fmt, ap);
    put_line(label[level], text);
}

void tl_log(enum tl_log_level level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vlog(level, fmt, ap);
    va_end(ap);
}

void tl_warn_once(const char *fmt, ...)
{
    static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
    static const char *seen[256]; /* bounded: afterwards warnings are dropped */
    static size_t n;
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pthread_mutex_lock(&seen_lock);
    size_t i = 0;
    while (i < n && strcmp(seen[i], text) != 0)
        i++;
    int fresh = i == n && n < sizeof seen / sizeof seen[0];
    if (fresh)
        seen[n++] = tl_xstrdup(text);
    pthread_mutex_unlock(&seen_lock);
    if (fresh)
        tl_log(TL_LOG_WARN, "%s", text);
}

void tl_log_status(const char *text)
{
    pthread_mutex_lock(&lock);
    fprintf(stderr, "\r\033[K%s", text);
    fflush(stderr);
    snprintf(status, sizeof status, "%s", text);
    pthread_mutex_unlock(&lock);
}
