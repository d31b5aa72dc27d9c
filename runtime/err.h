/* Errors: one fixed-size record on the caller's stack, so that it works when memory is gone and
 * in any thread. SPDX-License-Identifier: MIT
 *
 * A function that may fail returns 0 or a TL_E* code, takes a tl_err * last and leaves its
 * outputs untouched on failure. Who detects the error writes the message; callers propagate it,
 * and may add one prefix per layer. */
#ifndef TL_ERR_H
#define TL_ERR_H

#include <stdarg.h>

#define TL_MUST_CHECK   __attribute__((warn_unused_result))
#define TL_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum tl_code {
    TL_OK = 0,
    TL_EUSAGE,     /* the caller's words are wrong: option, argument            exit 2  */
    TL_ESCRIPT,    /* the script is wrong: syntax, type, unknown band           exit 1  */
    TL_EDATA,      /* the data is: corrupt, missing, unreadable                 exit 1  */
    TL_EIO,        /* the product cannot be written                             exit 1  */
    TL_ENOMEM,     /* more memory than allowed or there is                      exit 1  */
    TL_ETRANSIENT, /* may pass by itself: a time-out, a server's 503            exit 75 */
    TL_ECONFIG,    /* this machine lacks something: a grid file, a driver       exit 78 */
    TL_EINTR       /* Ctrl-C or SIGTERM                                         exit 130 */
};

typedef struct tl_err {
    int code;          /* enum tl_code */
    char message[768]; /* what happened and what to do about it */
    char where[160];   /* script:line of the node concerned, or "" */
    char source[320];  /* file or address concerned, or "" */
} tl_err;

#define TL_ERR_INIT                                                                                \
    {                                                                                              \
        0, "", "", ""                                                                              \
    }

/* Writes the record and returns `code`. e may be NULL. */
int tl_fail(tl_err *e, int code, const char *fmt, ...) TL_PRINTF(3, 4);
int tl_vfail(tl_err *e, int code, const char *fmt, va_list ap) TL_PRINTF(3, 0);

/* Puts "text: " before the message. Returns e->code. */
int tl_err_prefix(tl_err *e, const char *fmt, ...) TL_PRINTF(2, 3);

/* Fills where / source if they are still empty. Returns e->code. */
int tl_err_where(tl_err *e, const char *where);
int tl_err_source(tl_err *e, const char *source);

/* "where: message (source)" into buf; returns buf. */
const char *tl_err_text(const tl_err *e, char *buf, unsigned long size);

/* The process exit status for a code (DESIGN, the command line). */
int tl_exit_status(int code);

/* The stable word for a code, as scripts and --json see it: "data", "usage", ... */
const char *tl_code_name(int code);

#endif
