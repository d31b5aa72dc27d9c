/* mkplaces LIST FILE: reads a list of places, writes a gazetteer. SPDX-License-Identifier: MIT */
#include "modules/collection/gazetteer.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    tl_err e = TL_ERR_INIT;
    char text[1500];
    if (argc != 3) {
        fputs("usage: mkplaces LIST FILE\n", stderr);
        return 2;
    }
    int rc = tl_gazetteer_build(argv[1], argv[2], &e);
    if (rc)
        fprintf(stderr, "mkplaces: %s\n", tl_err_text(&e, text, sizeof text));
    return tl_exit_status(rc);
}
