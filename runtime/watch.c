/* The watch: see watch.h. SPDX-License-Identifier: MIT */
#include "runtime/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define MOST_THREADS 256

static struct {
    int used;
    double since; /* 0 = not in a call */
    char what[256];
} seat[MOST_THREADS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t leave_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __thread int mine; /* 1 + index; 0 = none yet */

double tl_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct {
    double seconds; /* 0 = no limit */
    void (*too_slow)(const char *what, double seconds);
    int started;
} limit;

static void *guard(void *arg)
{
    char what[256];
    (void)arg;
    for (;;) {
        struct timespec nap = {0, 250000000};
        nanosleep(&nap, NULL);
        double since = tl_watch_oldest(what, sizeof what);
        if (since > limit.seconds) {
            limit.too_slow(what, since);
            return NULL;
        }
    }
}

/* Called with the lock held. */
static void start_guard(void)
{
    pthread_t thread;
    limit.started = 1;
    if (limit.seconds > 0 && pthread_create(&thread, NULL, guard, NULL) == 0)
        pthread_detach(thread);
}

void tl_watch_limit(double seconds, void (*too_slow)(const char *what, double seconds))
{
    pthread_mutex_lock(&lock);
    limit.seconds = seconds;
    limit.too_slow = too_slow;
    limit.started = 0;
    pthread_mutex_unlock(&lock);
}

static void leave(void *at)
{
    pthread_mutex_lock(&lock);
    int *used = at;
    *used = 0;
    pthread_mutex_unlock(&lock);
}

static void make_key(void)
{
    pthread_key_create(&leave_key, leave);
}

/* Called with the lock held. */
static void take_seat(void)
{
    for (int i = 0; i < MOST_THREADS && !mine; i++)
        if (!seat[i].used) {
            seat[i].used = 1;
            mine = i + 1;
            pthread_setspecific(leave_key, &seat[i].used);
        }
}

void tl_watch_begin(const char *what)
{
    pthread_once(&once, make_key);
    pthread_mutex_lock(&lock);
    if (!limit.started)
        start_guard();
    if (!mine)
        take_seat();
    if (mine) {
        seat[mine - 1].since = tl_now();
        snprintf(seat[mine - 1].what, sizeof seat[0].what, "%s", what);
    }
    pthread_mutex_unlock(&lock);
}

void tl_watch_end(void)
{
    pthread_mutex_lock(&lock);
    if (mine)
        seat[mine - 1].since = 0;
    pthread_mutex_unlock(&lock);
}

double tl_watch_oldest(char *text, size_t size)
{
    double oldest = 0, now = tl_now();
    text[0] = '\0';
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_THREADS; i++)
        if (seat[i].used && seat[i].since > 0 && now - seat[i].since > oldest) {
            oldest = now - seat[i].since;
            snprintf(text, size, "%s", seat[i].what);
        }
    pthread_mutex_unlock(&lock);
    return oldest;
}
