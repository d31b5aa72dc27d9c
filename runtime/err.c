/* Errors: see err.h. SPDX-License-Identifier: MIT */
#include "runtime/err.h"

#include <stdio.h>
#include <string.h>

int tl_vfail(tl_err *e, int code, const char *fmt, va_list ap)
{
    if (!e)
        return code;
    e->code = code;
    vsnprintf(e->message, sizeof e->message, fmt, ap);
    return code;
}

int tl_fail(tl_err *e, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tl_vfail(e, code, fmt, ap);
    va_end(ap);
    return code;
}

int tl_err_prefix(tl_err *e, const char *fmt, ...)
{
    char text[sizeof e->message];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, ": %s", e->message);
    memcpy(e->message, text, sizeof text);
    return e->code;
}

static int fill(tl_err *e, char *field, size_t size, const char *text)
{
    if (!field[0] && text)
        snprintf(field, size, "%s", text);
    return e->code;
}

int tl_err_where(tl_err *e, const char *where)
{
    return fill(e, e->where, sizeof e->where, where);
}

int tl_err_source(tl_err *e, const char *source)
{
    return fill(e, e->source, sizeof e->source, source);
}

const char *tl_err_text(const tl_err *e, char *buf, unsigned long size)
{
    /* A file already named in the sentence is not named again. */
    int name = e->source[0] && !strstr(e->message, e->source);
    snprintf(buf, size, "%s%s%s%s%s%s", e->where, e->where[0] ? ": " : "", e->message,
             name ? " (" : "", name ? e->source : "", name ? ")" : "");
    return buf;
}

/* ORDER enum tl_code */
static const struct {
    const char *name;
    int exit;
} codes[] = {
    {"ok", 0},     {"usage", 2},      {"script", 1},  {"data", 1},          {"output", 1},
    {"memory", 1}, {"transient", 75}, {"config", 78}, {"interrupted", 130},
};

static unsigned known(int code)
{
    return code >= 0 && (size_t)code < sizeof codes / sizeof codes[0] ? (unsigned)code : TL_EDATA;
}

int tl_exit_status(int code)
{
    return codes[known(code)].exit;
}

const char *tl_code_name(int code)
{
    return codes[known(code)].name;
}
