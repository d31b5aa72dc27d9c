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

/* File names and messages of strangers must not steer the terminal. */
static void make_visible(char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < 32 && *s != '\n' && *s != '\t') || *s == 127)
            *s = '?';
}

static void put_line(const char *label, char *text)
{
    tl_buf line = TL_BUF_INIT;
    make_visible(text);
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
    const char *key = tl_intern(text);
    pthread_mutex_lock(&seen_lock);
    size_t i = 0;
    while (i < n && seen[i] != key)
        i++;
    int fresh = i == n && n < sizeof seen / sizeof seen[0];
    if (fresh)
        seen[n++] = key;
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
