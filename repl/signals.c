/* Signals of the prompt: see signals.h. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* ppoll */
#include "repl/signals.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

volatile sig_atomic_t tl__interrupted, tl__terminated, tl__suspended, tl__resized;

static tellua *session;

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

/* What sits in one call of a C library cannot be stopped; the third time is an order. */
static void on_interrupt(int sig)
{
    tl__interrupted++;
    tellua_interrupt(session);
    if (tl__interrupted == 2)
        say("\ntellua: still stopping; Ctrl-C once more ends the session\n");
    if (tl__interrupted > 2) {
        signal(sig, SIG_DFL);
        raise(sig);
    }
}

static void on_other(int sig)
{
    if (sig == SIGTSTP)
        tl__suspended = 1;
    else if (sig == SIGWINCH)
        tl__resized = 1;
    else
        tl__terminated = 1;
    if (tl__terminated)
        tellua_interrupt(session);
}

/* The handlers run only within tl_signals_wait, or while an entry is computed. */
static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH};
enum { NHANDLED = sizeof handled / sizeof handled[0] };
static struct sigaction before[NHANDLED];

void tl_signals_begin(tellua *t)
{
    session = t;
    for (int i = 0; i < NHANDLED; i++) {
        struct sigaction a = {.sa_handler = handled[i] == SIGINT ? on_interrupt : on_other};
        sigemptyset(&a.sa_mask);
        /* While something is computed only SIGINT may make calls come back early. */
        a.sa_flags = handled[i] == SIGINT || handled[i] == SIGTERM ? 0 : SA_RESTART;
        sigaction(handled[i], &a, &before[i]);
    }
}

void tl_signals_end(void)
{
    for (int i = 0; i < NHANDLED; i++)
        sigaction(handled[i], &before[i], NULL);
}

static int pending(void)
{
    return tl__interrupted || tl__terminated || tl__suspended || tl__resized;
}

int tl_signals_wait(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    sigset_t ours, was;
    sigemptyset(&ours);
    for (int i = 0; i < NHANDLED; i++)
        sigaddset(&ours, handled[i]);
    sigprocmask(SIG_BLOCK, &ours, &was);
    int n = pending() ? 0 : ppoll(&p, 1, NULL, &was);
    sigprocmask(SIG_SETMASK, &was, NULL);
    return n > 0 || (n < 0 && errno != EINTR);
}

void tl_signals_suspend(void)
{
    struct sigaction ours, usual = {.sa_handler = SIG_DFL};
    sigemptyset(&usual.sa_mask);
    sigaction(SIGTSTP, &usual, &ours);
    raise(SIGTSTP);
    sigaction(SIGTSTP, &ours, NULL);
    tl__suspended = 0;
}
