/* What walls there are on this machine. SPDX-License-Identifier: MIT */
#include "runtime/jail_int.h"

#include <string.h>

/* Faults of Lua releases that a script can reach, and what is done about them. */
static const struct {
    const char *releases, *fault;
} faults[] = {
    {"5.4.0 5.4.1 5.4.2 5.4.3 5.4.4 ", "__concat over a moved stack"},
    {"5.4.0 5.4.1 5.4.2 5.4.3 5.4.4 5.4.5 5.4.6 5.4.7 ", "emergency collection in __newindex"},
    {"5.4.0 5.4.1 5.4.2 5.4.3 5.4.4 5.4.5 5.4.6 5.4.7 5.4.8 ",
     "weak tables whose metatable changes"},
};

static void print_faults(const char *lua, FILE *to)
{
    const char *release = strncmp(lua, "Lua ", 4) == 0 ? lua + 4 : lua;
    int n = 0;
    fprintf(to, "jail: %s, known faults: ", lua);
    for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) {
        const char *at = strstr(faults[k].releases, release);
        if (at && at[strlen(release)] == ' ')
            fprintf(to, "%s%s", n++ ? "; " : "", faults[k].fault);
    }
    fputs(n ? " (kept inside the jail)\n" : "none\n", to);
}

static void print_namespaces(int bits, FILE *to)
{
    static const char *const name[] = {"user", "pid", "net", "mount", "ipc", "uts"};
    int n = 0;
    fputs("jail: namespaces: ", to);
    for (int k = 0; k < 6; k++)
        if (bits >> k & 1)
            fprintf(to, "%s%s", n++ ? " " : "", name[k]);
    fputs(n ? "\n" : "none (the kernel refuses)\n", to);
}

int tl_jail_describe(tl_jail *j, FILE *to, tl_err *e)
{
    char byte = 7, back = 0;
    int rc = tl_jail_echo(j, "doctor", &byte, &back, 1, e);
    if (rc)
        return rc;
    const tl_zygote_hello *h = &j->zygote.hello;
    fprintf(to, "jail: seccomp: yes (libseccomp %s), resource limits: yes\n", h->filter);
    if (h->landlock)
        fprintf(to, "jail: Landlock: yes (ABI %d)\n", h->landlock);
    else
        fputs("jail: Landlock: none (the kernel has none)\n", to);
    print_namespaces(h->namespaces, to);
    fprintf(to, "jail: other user: %s, no late executable memory: %s\n", h->user ? "yes" : "no",
            h->mdwe ? "yes" : "no");
    print_faults(h->lua, to);
    return 0;
}
