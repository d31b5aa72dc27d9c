/* The page: embedded files, and Leaflet from where Debian puts it. SPDX-License-Identifier: MIT */
#include "modules/map/map_int.h"
#include "runtime/log.h"
#include "runtime/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef TL_LEAFLET
#define TL_LEAFLET "/usr/share/javascript/leaflet"
#endif
#define MOST_FILE (1 << 20)

#define FILES(F)                                                                                   \
    F(index_html, "", "text/html; charset=utf-8")                                                  \
    F(map_css, "map.css", "text/css; charset=utf-8")                                               \
    F(net_js, "net.js", "text/javascript; charset=utf-8")                                          \
    F(layers_js, "layers.js", "text/javascript; charset=utf-8")                                    \
    F(panel_js, "panel.js", "text/javascript; charset=utf-8")                                      \
    F(tools_js, "tools.js", "text/javascript; charset=utf-8")                                      \
    F(charts_js, "charts.js", "text/javascript; charset=utf-8")                                    \
    F(swipe_js, "swipe.js", "text/javascript; charset=utf-8")                                      \
    F(jobs_js, "jobs.js", "text/javascript; charset=utf-8")                                        \
    F(main_js, "main.js", "text/javascript; charset=utf-8")

#define DECLARE(name, address, type)                                                               \
    extern const unsigned char tl_lua_modules_map_page_##name[];                                   \
    extern const size_t tl_lua_modules_map_page_##name##_len;
FILES(DECLARE)

static const struct {
    const char *address, *type;
    const unsigned char *text;
    const size_t *len;
} files[] = {
#define ENTRY(name, address, type)                                                                 \
    {address, type, tl_lua_modules_map_page_##name, &tl_lua_modules_map_page_##name##_len},
    FILES(ENTRY)};

/* Only these: a name from the network never becomes a path. */
static const struct {
    const char *address, *type;
} leaflet[] = {{"leaflet.js", "text/javascript"},        {"leaflet.css", "text/css"},
               {"images/layers.png", "image/png"},       {"images/layers-2x.png", "image/png"},
               {"images/marker-icon.png", "image/png"},  {"images/marker-icon-2x.png", "image/png"},
               {"images/marker-shadow.png", "image/png"}};

static void *read_file(const char *name, size_t *len)
{
    const char *dir = getenv("TELLUA_LEAFLET");
    char *path = tl_xasprintf("%s/%s", dir ? dir : TL_LEAFLET, name);
    FILE *f = fopen(path, "re");
    char *text = f ? tl_xmalloc(MOST_FILE) : NULL;
    *len = f ? fread(text, 1, MOST_FILE, f) : 0;
    if (f)
        fclose(f);
    else
        tl_warn_once("%s is missing: the page needs Leaflet (Debian: libjs-leaflet)", path);
    free(path);
    return text;
}

static int serve_leaflet(tl_request *r, const char *name)
{
    for (size_t i = 0; i < sizeof leaflet / sizeof leaflet[0]; i++)
        if (strcmp(leaflet[i].address, name) == 0) {
            size_t n;
            void *text = read_file(name, &n);
            if (!text)
                return -1;
            tl_request_say(r, "Cache-Control", "public, max-age=86400");
            tl_request_answer_own(r, 200, leaflet[i].type, text, n);
            return 0;
        }
    return -1;
}

int tl__serve_page(tl_map *m, tl_request *r, const char *path)
{
    (void)m;
    if (strncmp(path, "leaflet/", 8) == 0)
        return serve_leaflet(r, path + 8);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(files[i].address, path) == 0) {
            tl_request_say(r, "Cache-Control", "no-cache");
            tl_request_say(r, "Referrer-Policy", "no-referrer");
            tl_request_answer(r, 200, files[i].type, files[i].text, *files[i].len);
            return 0;
        }
    return -1;
}
