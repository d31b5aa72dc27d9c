/* Films: see film.h. SPDX-License-Identifier: MIT
 *
 * ffmpeg reads frames from a socket, which raises no SIGPIPE here, and writes to a file of memory,
 * since an MP4 is not written front to back. Its words go to another. No shell, no file on disk. */
#define _GNU_SOURCE /* memfd_create, environ */
#include "modules/map/film.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK  100    /* ms between looks at cancel */
#define STILL 300000 /* ms without a byte taken */
#define FILM  3      /* its number there */

typedef struct {
    int to, film, words, pidfd; /* -1: not open */
    pid_t pid;
    const atomic_int *cancel;
    int still; /* ms */
} encoder;

/* --- the process --------------------------------------------------------------------------------
 */

static int spawn(encoder *c, int from, char *const *argv)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&files, from, 0);
    posix_spawn_file_actions_adddup2(&files, c->words, 1);
    posix_spawn_file_actions_adddup2(&files, c->words, 2);
    posix_spawn_file_actions_adddup2(&files, c->film, FILM);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &none);
    /* A group of its own: Ctrl-C is for us, who end it. */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETSIGMASK);
    int why = posix_spawnp(&c->pid, argv[0], &files, &attr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return why;
}

static int start(encoder *c, int w, int h, double fps, tl_err *e)
{
    char size[32], rate[32], film[32];
    int pair[2] = {-1, -1};
    snprintf(size, sizeof size, "%dx%d", w, h);
    snprintf(rate, sizeof rate, "%.9g", fps);
    snprintf(film, sizeof film, "/proc/self/fd/%d", FILM);
    /* One thread and no names of versions or times: the same frames are the same bytes. */
    const char *const argv[] = {"ffmpeg",
                                "-nostdin",
                                "-hide_banner",
                                "-loglevel",
                                "error",
                                "-y",
                                "-f",
                                "rawvideo",
                                "-pixel_format",
                                "rgb24",
                                "-video_size",
                                size,
                                "-framerate",
                                rate,
                                "-i",
                                "pipe:0",
                                "-an",
                                "-c:v",
                                "libx264",
                                "-crf",
                                "18",
                                "-pix_fmt",
                                "yuv420p",
                                "-threads",
                                "1",
                                "-map_metadata",
                                "-1",
                                "-fflags",
                                "+bitexact",
                                "-flags:v",
                                "+bitexact",
                                "-movflags",
                                "+faststart",
                                "-f",
                                "mp4",
                                film,
                                NULL};
    c->film = memfd_create("film", MFD_CLOEXEC);
    c->words = memfd_create("words", MFD_CLOEXEC);
    int why =
        c->film < 0 || c->words < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)
            ? errno
            : 0;
    c->to = pair[0];
    if (!why)
        why = spawn(c, pair[1], (char *const *)(uintptr_t)argv);
    if (pair[1] >= 0)
        close(pair[1]);
    if (why == ENOENT)
        return tl_fail(e, TL_ECONFIG,
                       "animate: the program ffmpeg makes MP4, and there is none: apt-get install "
                       "ffmpeg, or make a GIF (without a format)");
    if (!why && (c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0)) < 0)
        why = errno;
    return why ? tl_fail(e, TL_ECONFIG, "animate: ffmpeg: %s", strerror(why)) : 0;
}

/* --- waiting for it -----------------------------------------------------------------------------
 */

/* Until fd is ready or the process has ended (*ended = 1), or something is amiss. */
static int wait_for(encoder *c, int fd, int *ended, tl_err *e)
{
    for (;;) {
        struct pollfd p[2] = {{c->pidfd, POLLIN, 0}, {fd, POLLOUT, 0}};
        int n = poll(p, fd < 0 ? 1 : 2, LOOK);
        if (c->cancel && atomic_load(c->cancel))
            return tl_fail(e, TL_EINTR, "interrupted");
        if (n > 0) {
            c->still = 0;
            *ended = p[0].revents != 0;
            return 0;
        }
        if (n == 0 && (c->still += LOOK) >= STILL)
            return tl_fail(e, TL_EDATA, "animate: ffmpeg stands still");
    }
}

static int send_all(encoder *c, const uint8_t *bytes, size_t n, int *ended, tl_err *e)
{
    while (n) {
        ssize_t sent = send(c->to, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            n -= (size_t)sent;
        } else if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
            *ended = 1; /* its words say why */
        } else if (wait_for(c, c->to, ended, e)) {
            return e->code;
        }
        if (*ended)
            return 0;
    }
    return 0;
}

/* Collects the process, killed when it still runs; 0: it ended well. */
static int collect(encoder *c)
{
    int status = -1;
    if (c->pid <= 0)
        return -1;
    kill(c->pid, SIGKILL); /* of what has ended nothing */
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    c->pid = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* --- frames -------------------------------------------------------------------------------------
 */

static void interleave(uint8_t *to, int w, int h, uint8_t *const rgb[3], const uint8_t *valid)
{
    int even_w = w + (w & 1), even_h = h + (h & 1);
    for (int y = 0; y < even_h; y++)
        for (int x = 0; x < even_w; x++) {
            int64_t at = (int64_t)(y < h ? y : h - 1) * w + (x < w ? x : w - 1);
            for (int k = 0; k < 3; k++)
                *to++ = valid[at] ? rgb[k][at] : 0;
        }
}

static int take_film(encoder *c, tl_buf *out, tl_err *e)
{
    struct stat st;
    void *at = MAP_FAILED;
    if (fstat(c->film, &st) == 0 && st.st_size > 0)
        at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, c->film, 0);
    if (at == MAP_FAILED)
        return tl_fail(e, TL_EDATA, "animate: ffmpeg wrote no film");
    tl_buf_add(out, at, (size_t)st.st_size);
    munmap(at, (size_t)st.st_size);
    return 0;
}

static int why_it_failed(encoder *c, tl_err *e)
{
    char words[300];
    ssize_t n = pread(c->words, words, sizeof words - 1, 0);
    words[n > 0 ? n : 0] = '\0';
    words[strcspn(words, "\n")] = '\0';
    return tl_fail(e, TL_EDATA, "animate: ffmpeg failed%s%s", words[0] ? ": " : "", words);
}

static int feed(encoder *c, int w, int h, int n, uint8_t *const (*rgb)[3], uint8_t *const *valid,
                tl_err *e)
{
    size_t bytes = (size_t)(w + (w & 1)) * (size_t)(h + (h & 1)) * 3;
    uint8_t *frame = NULL;
    int ended = 0, rc = tl_try_alloc((void **)&frame, bytes, 1, "a frame", e);
    for (int k = 0; k < n && !rc && !ended; k++) {
        interleave(frame, w, h, rgb[k], valid[k]);
        rc = send_all(c, frame, bytes, &ended, e);
    }
    free(frame);
    shutdown(c->to, SHUT_WR);
    while (!rc && !ended)
        rc = wait_for(c, -1, &ended, e);
    return rc;
}

int tl_film(int w, int h, int n, uint8_t *const (*rgb)[3], uint8_t *const *valid, double fps,
            const atomic_int *cancel, tl_buf *out, tl_err *e)
{
    encoder c = {-1, -1, -1, -1, 0, cancel, 0};
    int rc = start(&c, w + (w & 1), h + (h & 1), fps, e);
    if (!rc)
        rc = feed(&c, w, h, n, rgb, valid, e);
    int bad = collect(&c);
    if (!rc)
        rc = bad ? why_it_failed(&c, e) : take_film(&c, out, e);
    int open[] = {c.to, c.film, c.words, c.pidfd};
    for (int i = 0; i < 4; i++)
        if (open[i] >= 0)
            close(open[i]);
    return rc;
}
