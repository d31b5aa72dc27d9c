/* What there is, for people and programs: /layers, /legend, /tilejson, /wmts, /metrics.
 * SPDX-License-Identifier: MIT */
#include "modules/map/map_int.h"
#include "runtime/mem.h"
#include "runtime/version.h"
#include "runtime/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- /layers, /legend
 * ------------------------------------------------------------------------------ */

void tl__serve_layers(tl_map *m, tl_request *r, const char *rest)
{
    (void)rest;
    pthread_mutex_lock(&m->lock);
    int generation = m->generation;
    pthread_mutex_unlock(&m->lock);
    tl__answer_json(r, 200,
                    json_pack("{s:s, s:i, s:o}", "tellua", tl_version(), "generation", generation,
                              "apps", tl__apps_json(m)));
}

static json_t *describe_layer(tl__job *j, tl_err *e)
{
    tl_layer *l = NULL;
    if (tl_shelf_get(j->map->shelf, j->layer, &l, e))
        return NULL;
    json_t *all = tl_layer_json(l), *answer = json_incref(all);
    if (j->step) { /* the legend alone */
        answer = json_incref(json_object_get(all, "legend"));
        json_decref(all);
    }
    json_decref(all);
    tl_layer_unref(l);
    return answer;
}

void tl__serve_legend(tl_map *m, tl_request *r, const char *rest)
{
    tl__job *j = tl__job_new(m, r, describe_layer);
    j->step = !tl_request_arg(r, "all");
    if (tl__which_layer(m, r, rest, j->layer))
        tl__job_free(j);
    else
        tl__job_start(j);
}

/* --- addresses
 * -------------------------------------------------------------------------------------- TileJSON
 * and WMTS want whole addresses: what the client calls this server, and behind a proxy the folder
 * that the proxy says it stands in. */

static int harmless(const char *s)
{
    return s && *s && strlen(s) < 200 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_[]/") ==
               strlen(s);
}

static char *base_of(const tl_map *m, tl_request *r)
{
    const char *host = tl_request_header(r, "X-Forwarded-Host");
    const char *proto = tl_request_header(r, "X-Forwarded-Proto");
    const char *prefix = tl_request_header(r, "X-Forwarded-Prefix");
    host = host ? host : tl_request_header(r, "Host");
    if (!harmless(host) || strchr(host, '/'))
        return tl_xstrdup(m->url);
    int https = proto && strcmp(proto, "https") == 0;
    size_t n = harmless(prefix) ? strlen(prefix) : 0;
    while (n && prefix[n - 1] == '/')
        n--;
    return tl_xasprintf("http%s://%s%s%.*s/", https ? "s" : "", host,
                        n && prefix[0] != '/' ? "/" : "", (int)n, n ? prefix : "");
}

/* Percent-encoded as a part of a path. */
static char *encoded(const char *s)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    tl_buf b = TL_BUF_INIT;
    for (; *s; s++)
        tl_buf_printf(&b, strchr(plain, *s) ? "%c" : "%%%02X", (unsigned char)*s);
    return b.data ? b.data : tl_xstrdup("");
}

/* --- /tilejson
 * --------------------------------------------------------------------------------------- */

static json_t *tilejson(tl__job *j, tl_err *e)
{
    tl_layer *l = NULL;
    if (tl_shelf_get(j->map->shelf, j->layer, &l, e))
        return NULL;
    const double *b = l->box;
    char *tiles = tl_xasprintf("%s/{z}/{x}/{y}.png", j->text);
    json_t *answer = json_pack(
        "{s:s, s:o, s:s, s:[s], s:[f,f,f,f], s:[f,f,i], s:i, s:i, s:s}", "tilejson", "3.0.0",
        "name", tl_json_text(l->name), "scheme", "xyz", "tiles", tiles, "bounds", b[0], b[1],
        fmin(b[2], 180), b[3], "center", (b[0] + b[2]) / 2, (b[1] + b[3]) / 2, l->zoom, "minzoom",
        0, "maxzoom", l->zoom + 3 < TL_TILE_DEEPEST ? l->zoom + 3 : TL_TILE_DEEPEST, "version",
        "1.0.0");
    free(tiles);
    tl_layer_unref(l);
    return answer;
}

void tl__serve_tilejson(tl_map *m, tl_request *r, const char *rest)
{
    size_t n = strlen(rest);
    tl__job *j = tl__job_new(m, r, tilejson);
    char *name = n > 5 && strcmp(rest + n - 5, ".json") == 0
                     ? tl_xasprintf("%.*s", (int)n - 5, rest)
                     : tl_xstrdup(rest);
    char *base = base_of(m, r), *part = encoded(name);
    j->text = tl_xasprintf("%stiles/%s", base, part);
    if (tl__which_layer(m, r, name, j->layer))
        tl__job_free(j);
    else
        tl__job_start(j);
    free(base);
    free(part);
    free(name);
}

/* --- /wmts
 * --------------------------------------------------------------------------------------------- */

static void put_xml(tl_buf *b, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<':
            tl_buf_puts(b, "&lt;");
            break;
        case '&':
            tl_buf_puts(b, "&amp;");
            break;
        case '"':
            tl_buf_puts(b, "&quot;");
            break;
        default:
            tl_buf_add(b, s, 1);
        }
}

/* A layer's name, or, where an earlier one has it, its key. Under the lock. */
static const char *word_of(const tl_map *m, const tl_layer *l)
{
    for (int i = 0; i < m->napps; i++)
        for (int k = 0; k < m->app[i].nlayers; k++)
            if (strcmp(m->app[i].layer[k]->name, l->name) == 0)
                return m->app[i].layer[k] == l ? l->name : l->key;
    return l->key;
}

static void put_layer(tl_buf *b, const char *base, const char *word, const tl_layer *l)
{
    char *part = encoded(word);
    tl_buf_puts(b, "<Layer><ows:Title>");
    put_xml(b, l->name);
    tl_buf_printf(b,
                  "</ows:Title><ows:WGS84BoundingBox><ows:LowerCorner>%.9g %.9g</ows:LowerCorner>"
                  "<ows:UpperCorner>%.9g %.9g</ows:UpperCorner></ows:WGS84BoundingBox>"
                  "<ows:Identifier>",
                  l->box[0], l->box[1], fmin(l->box[2], 180), l->box[3]);
    put_xml(b, word);
    tl_buf_puts(b, "</ows:Identifier><Style isDefault=\"true\"><ows:Identifier>default"
                   "</ows:Identifier></Style><Format>image/png</Format><TileMatrixSetLink>"
                   "<TileMatrixSet>WebMercatorQuad</TileMatrixSet></TileMatrixSetLink>"
                   "<ResourceURL format=\"image/png\" resourceType=\"tile\" template=\"");
    put_xml(b, base);
    tl_buf_printf(b, "tiles/%s/{TileMatrix}/{TileCol}/{TileRow}.png\"/></Layer>", part);
    free(part);
}

static void put_matrices(tl_buf *b)
{
    tl_buf_puts(b, "<TileMatrixSet><ows:Identifier>WebMercatorQuad</ows:Identifier>"
                   "<ows:SupportedCRS>urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>"
                   "<WellKnownScaleSet>urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible"
                   "</WellKnownScaleSet>");
    for (int z = 0; z <= TL_TILE_DEEPEST; z++)
        tl_buf_printf(b,
                      "<TileMatrix><ows:Identifier>%d</ows:Identifier><ScaleDenominator>%.12g"
                      "</ScaleDenominator><TopLeftCorner>%.12f %.12f</TopLeftCorner><TileWidth>256"
                      "</TileWidth><TileHeight>256</TileHeight><MatrixWidth>%lld</MatrixWidth>"
                      "<MatrixHeight>%lld</MatrixHeight></TileMatrix>",
                      z, tl_tile_denominator(z), -TL_MERCATOR_HALF, TL_MERCATOR_HALF, 1ll << z,
                      1ll << z);
    tl_buf_puts(b, "</TileMatrixSet>");
}

void tl__serve_wmts(tl_map *m, tl_request *r, const char *rest)
{
    tl_buf b = TL_BUF_INIT;
    char *base = base_of(m, r);
    (void)rest;
    tl_buf_puts(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                    "<Capabilities xmlns=\"http://www.opengis.net/wmts/1.0\" "
                    "xmlns:ows=\"http://www.opengis.net/ows/1.1\" "
                    "xmlns:xlink=\"http://www.w3.org/1999/xlink\" version=\"1.0.0\">"
                    "<ows:ServiceIdentification><ows:Title>Tellua</ows:Title><ows:ServiceType>OGC "
                    "WMTS</ows:ServiceType><ows:ServiceTypeVersion>1.0.0</ows:ServiceTypeVersion>"
                    "</ows:ServiceIdentification><Contents>");
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < m->napps; i++)
        for (int k = 0; k < m->app[i].nlayers; k++)
            put_layer(&b, base, word_of(m, m->app[i].layer[k]), m->app[i].layer[k]);
    pthread_mutex_unlock(&m->lock);
    put_matrices(&b);
    tl_buf_puts(&b, "</Contents><ServiceMetadataURL xlink:href=\"");
    put_xml(&b, base);
    tl_buf_puts(&b, "wmts\"/></Capabilities>\n");
    tl_request_answer(r, 200, "application/xml", tl_buf_text(&b), b.len);
    tl_buf_free(&b);
    free(base);
}

/* --- /metrics
 * ------------------------------------------------------------------------------------------ */

static void put_metric(tl_buf *b, const char *name, const char *kind, const char *help, double x)
{
    tl_buf_printf(b, "# HELP tellua_%s %s\n# TYPE tellua_%s %s\ntellua_%s %.17g\n", name, help,
                  name, kind, name, x);
}

/* ORDER note_time of serve_tiles.c */
static void put_times(tl_buf *b, const tl_map *m)
{
    static const char *const upper[] = {"0.001", "0.002", "0.005", "0.01", "0.02", "0.05",
                                        "0.1",   "0.2",   "0.5",   "1",    "5",    "+Inf"};
    long long n = 0;
    tl_buf_puts(b, "# HELP tellua_tile_seconds Time to make a tile that was not kept.\n"
                   "# TYPE tellua_tile_seconds histogram\n");
    for (int k = 0; k < 12; k++) {
        n += atomic_load(&m->bucket[k]);
        tl_buf_printf(b, "tellua_tile_seconds_bucket{le=\"%s\"} %lld\n", upper[k], n);
    }
    tl_buf_printf(b, "tellua_tile_seconds_sum %.9g\ntellua_tile_seconds_count %lld\n",
                  (double)atomic_load(&m->tile_ns) / 1e9, n);
}

static double resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%*s %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void put_cache(tl_buf *b, const char *name, const tl_cache_counts *n)
{
    tl_buf_printf(b,
                  "tellua_cache_bytes{cache=\"%s\"} %lld\ntellua_cache_entries{cache=\"%s\"} %lld\n"
                  "tellua_cache_hits_total{cache=\"%s\"} %lld\n"
                  "tellua_cache_misses_total{cache=\"%s\"} %lld\n",
                  name, (long long)n->bytes, name, (long long)n->entries, name, (long long)n->hits,
                  name, (long long)n->misses);
}

static void put_caches(tl_buf *b, tl_map *m)
{
    tl_cache_counts tiles, reads;
    int passes;
    tl_cache_count(m->tiles, &tiles);
    tl_renderer_count(m->renderer, &reads, &passes);
    put_cache(b, "tiles", &tiles);
    put_cache(b, "reads", &reads);
    put_metric(b, "passes", "gauge", "Programs at hand, one for each layer and zoom.", passes);
    put_metric(b, "layers", "gauge", "Layers in memory.", tl_shelf_count(m->shelf));
}

void tl__serve_metrics(tl_map *m, tl_request *r, const char *rest)
{
    /* ORDER tl__count */
    static const char *const name[TL_COUNTS][2] = {
        {"tiles_total", "Tiles asked for."},
        {"tiles_kept_total", "Tiles answered from memory."},
        {"tiles_failed_total", "Tiles that ended in an error."},
        {"tiles_dropped_total", "Tiles nobody waited for any more."},
        {"busy_total", "Requests refused for want of room."},
        {"script_runs_total", "Runs of scripts."}};
    tl_buf b = TL_BUF_INIT;
    tl_http_counts http;
    (void)rest;
    tl_http_count(m->http, &http);
    for (int k = 0; k < TL_COUNTS; k++)
        put_metric(&b, name[k][0], "counter", name[k][1], (double)atomic_load(&m->count[k]));
    put_times(&b, m);
    put_caches(&b, m);
    put_metric(&b, "requests_total", "counter", "Requests.", (double)http.requests);
    put_metric(&b, "dropped_total", "counter", "Requests whose client went away.",
               (double)http.dropped);
    put_metric(&b, "connections", "gauge", "Open connections.", http.connections);
    put_metric(&b, "listeners", "gauge", "Pages that listen for events.", http.streams);
    put_metric(&b, "queue", "gauge", "Tasks that wait for a thread.", tl_pool_waiting(m->pool));
    put_metric(&b, "running", "gauge", "Tasks that run.", tl_pool_running(m->pool));
    put_metric(&b, "resident_bytes", "gauge", "Memory of the process.", resident());
    put_metric(&b, "uptime_seconds", "gauge", "Since the server started.", tl_now() - m->began);
    tl_request_answer(r, 200, "text/plain; version=0.0.4", tl_buf_text(&b), b.len);
    tl_buf_free(&b);
}
