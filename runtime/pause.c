/* Waiting before another try: see pause.h. SPDX-License-Identifier: MIT */
#include "runtime/pause.h"
#include "runtime/watch.h"

#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

double tl_jitter(void)
{
    static uint64_t state;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    if (!state)
        state = (uint64_t)(tl_now() * 1e9) ^ (uint64_t)getpid() << 32 ^ 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    double r = 0.5 + (double)(state >> 11) * 0x1p-54;
    pthread_mutex_unlock(&lock);
    return r;
}

void tl_pause(double seconds)
{
    struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&left, NULL);
}
