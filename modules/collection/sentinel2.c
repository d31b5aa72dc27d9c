/* Sentinel-2 in folders: products as ESA packs them, and one GeoTIFF per band in a folder per
 * scene. SPDX-License-Identifier: MIT
 *
 *   S2A_MSIL2A_20230810T100601_N0509_R022_T33TWM_20230810T163000.SAFE/GRANULE/.../IMG_DATA/...
 *   S2A_33TWM_20230810_0_L2A/B04.tif           Earth Search, the bucket of COGs
 *   S2A_T33TWM_20230810T100559_L2A/B04.tif     Earth Search, Collection 1
 *   S2A_OPER_MSI_L2A_TL_..._T33TWM/B04.jp2     a granule's name
 */
#include "modules/collection/folder_int.h"
#include "modules/collection/when.h"
#include "modules/raster/raster.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum layout { NONE, SAFE, COG, COG1, GRANULE } layout;

typedef struct name {
    layout layout;
    char sat, level[4], tile[6], date[16], baseline[5], orbit[4];
} name;

double tl__sentinel2_metres(const char *band)
{
    static const struct {
        const char *bands;
        double metres;
    } table[] = {{"B02 B03 B04 B08 TCI AOT WVP", 10},
                 {"B05 B06 B07 B8A B11 B12 SCL CLD SNW", 20},
                 {"B01 B09 B10", 60}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strlen(band) == 3 && strstr(table[i].bands, band))
            return table[i].metres;
    return 0;
}

/* Does `s` have the form: 9 a digit, A a capital, X either, others themselves? Returns its length,
 * 0 for no. */
static size_t has_form(const char *s, const char *form)
{
    size_t i = 0;
    for (; form[i]; i++) {
        int c = (unsigned char)s[i];
        int ok = form[i] == '9'   ? isdigit(c)
                 : form[i] == 'A' ? isupper(c)
                 : form[i] == 'X' ? isupper(c) || isdigit(c)
                                  : c == form[i];
        if (!ok)
            return 0;
    }
    return i;
}

static void part(char *to, const char *from, size_t n)
{
    memcpy(to, from, n);
    to[n] = '\0';
}

static int is_level(const char *s)
{
    return strncmp(s, "L1C", 3) == 0 || strncmp(s, "L2A", 3) == 0;
}

/* Of a path component of n bytes. */
static int parse(const char *s, size_t n, name *out)
{
    *out = (name){NONE, 0, "", "", "", "", ""};
    if (n < 20 || s[0] != 'S' || s[1] != '2' || s[2] < 'A' || s[2] > 'D' || s[3] != '_')
        return 0;
    out->sat = s[2];
    if (n >= 60 && has_form(s, "S2A_MSIA9A_99999999T999999_N9999_R999_T99AAA_99999999T999999") &&
        is_level(s + 7) && (n == 60 || (n == 65 && strncasecmp(s + 60, ".SAFE", 5) == 0))) {
        out->layout = SAFE;
        part(out->level, s + 7, 3);
        part(out->date, s + 11, 15);
        part(out->baseline, s + 28, 4);
        part(out->orbit, s + 34, 3);
        part(out->tile, s + 39, 5);
    } else if (has_form(s, "S2A_T99AAA_99999999T999999_A9A") && n == 30 && is_level(s + 27)) {
        out->layout = COG1;
        part(out->tile, s + 5, 5);
        part(out->date, s + 11, 15);
        part(out->level, s + 27, 3);
    } else if (has_form(s, "S2A_OPER_MSI_A9A_TL_XXXX_99999999T999999_A999999_T99AAA") &&
               is_level(s + 13)) {
        out->layout = GRANULE;
        part(out->level, s + 13, 3);
        part(out->date, s + 25, 15);
        part(out->tile, s + 50, 5);
    } else {
        size_t zone = isdigit((unsigned char)s[5]) ? 2 : 1;
        const char *t = s + 4 + zone;
        size_t k = has_form(t, "AAA_99999999_9_A9A");
        if (!isdigit((unsigned char)s[4]) || !k || 4 + zone + k != n || !is_level(t + k - 3))
            return 0;
        out->layout = COG;
        snprintf(out->tile, sizeof out->tile, "%s%.*s", zone == 1 ? "0" : "", (int)zone + 3, s + 4);
        part(out->date, t + 4, 8);
        part(out->level, t + k - 3, 3);
    }
    return 1;
}

/* --- what metadata say ----------------------------------------------------------------------- */

static void take_number(tl__draft *d, const char *property, double x)
{
    if (isfinite(x))
        json_object_set_new(d->properties, property, json_real(x));
}

/* The tile's: place, time, sun, clouds. */
static void take_tile(tl__draft *d, const char *path, int with_place)
{
    char value[80], *text = tl__metatext_read(path);
    const char *crs = NULL;
    if (!text)
        return;
    const char *sun = strstr(text, "<Mean_Sun_Angle");
    if (sun) {
        take_number(d, "view:sun_elevation", 90 - tl__metatext_number(text, sun, "ZENITH_ANGLE"));
        take_number(d, "view:sun_azimuth", tl__metatext_number(text, sun, "AZIMUTH_ANGLE"));
    }
    double cloud = tl__metatext_number(text, NULL, "CLOUDY_PIXEL_PERCENTAGE"), t;
    if (isfinite(cloud))
        d->cloud = cloud;
    if (tl__metatext_find(text, NULL, "SENSING_TIME", value, sizeof value) &&
        tl__when_parse(value, &t))
        d->t0 = t;
    if (tl__metatext_find(text, NULL, "TILE_ID", value, sizeof value)) {
        const char *n = strrchr(value, '_');
        if (n && has_form(n, "_N99.99") && !n[7])
            json_object_set_new(d->properties, "s2:processing_baseline", json_string(n + 2));
        json_object_set_new(d->properties, "s2:granule_id", json_string(value));
    }
    double rows = tl__metatext_number(text, NULL, "NROWS"),
           cols = tl__metatext_number(text, NULL, "NCOLS"),
           x = tl__metatext_number(text, NULL, "ULX"), y = tl__metatext_number(text, NULL, "ULY"),
           dx = tl__metatext_number(text, NULL, "XDIM"),
           dy = tl__metatext_number(text, NULL, "YDIM");
    if (with_place && rows > 0 && cols > 0 && dx > 0 && dy < 0 && isfinite(x + y) &&
        tl__metatext_find(text, NULL, "HORIZONTAL_CS_CODE", value, sizeof value) &&
        tl_crs_canonical(value, &crs, NULL) == 0) {
        const double b[4] = {x, y + rows * dy, x + cols * dx, y};
        memcpy(d->bounds, b, sizeof b);
        d->crs = crs;
    }
    free(text);
}

/* The product's, where the tile says nothing. */
static void take_product(tl__draft *d, const char *path)
{
    char *text = tl__metatext_read(path);
    if (!text)
        return;
    double cloud = tl__metatext_number(text, NULL, "Cloud_Coverage_Assessment");
    if (isfinite(cloud) && isnan(d->cloud))
        d->cloud = cloud;
    free(text);
}

/* The STAC item that Earth Search puts beside the bands. */
static void take_item(tl__draft *d, const char *path)
{
    static const char *const texts[] = {"s2:processing_baseline", "s2:product_uri",
                                        "s2:datatake_id"};
    char value[160], *text = tl__metatext_read(path);
    double t;
    if (!text)
        return;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (tl__metatext_find(text, NULL, texts[i], value, sizeof value))
            json_object_set_new(d->properties, texts[i], json_string(value));
    take_number(d, "view:sun_elevation", tl__metatext_number(text, NULL, "view:sun_elevation"));
    take_number(d, "view:sun_azimuth", tl__metatext_number(text, NULL, "view:sun_azimuth"));
    double cloud = tl__metatext_number(text, NULL, "eo:cloud_cover");
    if (isfinite(cloud))
        d->cloud = cloud;
    if (tl__metatext_find(text, NULL, "datetime", value, sizeof value) && tl__when_parse(value, &t))
        d->t0 = t;
    if (tl__metatext_find(text, NULL, "s2:granule_id", value, sizeof value))
        json_object_set_new(d->properties, "s2:granule_id", json_string(value));
    free(text);
}

/* --- scenes ---------------------------------------------------------------------------------- */

/* ".../GRANULE/NAME/" in a path: its length with the slash, 0 without one. */
static size_t granule_of(const char *path)
{
    const char *g = strstr(path, "/GRANULE/");
    const char *end = g ? strchr(g + 9, '/') : NULL;
    return end ? (size_t)(end + 1 - path) : 0;
}

static void set_text(tl__draft *d, const char *property, const char *text)
{
    json_object_set_new(d->properties, property, json_string(text));
}

static void describe(tl__draft *d, const name *n, const char *component)
{
    char text[32];
    int l2 = strcmp(n->level, "L2A") == 0;
    tl__draft_set(&d->collection, l2 ? "sentinel-2-l2a" : "sentinel-2-l1c");
    snprintf(text, sizeof text, "sentinel-2%c", tolower((unsigned char)n->sat));
    tl__draft_set(&d->platform, text);
    tl__draft_set(&d->tile, n->tile);
    tl__when_in_name(n->date, &d->t0, NULL, NULL);
    set_text(d, "constellation", "sentinel-2");
    set_text(d, "s2:product_type", l2 ? "S2MSI2A" : "S2MSI1C");
    snprintf(text, sizeof text, "MGRS-%s", n->tile);
    set_text(d, "grid:code", text);
    if (n->layout == SAFE) {
        snprintf(text, sizeof text, "%.2s.%s", n->baseline, n->baseline + 2);
        set_text(d, "s2:processing_baseline", text);
        json_object_set_new(d->properties, "sat:relative_orbit", json_integer(atoi(n->orbit)));
        char *uri = tl_xasprintf("%.60s.SAFE", component);
        set_text(d, "s2:product_uri", uri);
        free(uri);
    }
    /* This bucket's numbers have the offset of baseline 04.00 taken off. */
    if (n->layout == COG && l2)
        json_object_set_new(d->properties, "earthsearch:boa_offset_applied", json_true());
}

/* Side-cars, when the scene is met first. `top` is the length of the scene folder's path. */
static void read_metadata(tl__draft *d, const name *n, const char *path, size_t top)
{
    size_t granule = granule_of(path);
    char *file = NULL;
    if (n->layout == SAFE && granule) {
        file = tl_xasprintf("%.*sMTD_TL.xml", (int)granule, path);
        take_tile(d, file, 1);
        free(file);
        file = tl_xasprintf("%.*s/MTD_MSI%s.xml", (int)top, path, n->level);
        take_product(d, file);
    } else if (n->layout != SAFE) {
        file = tl_xasprintf("%.*s/granule_metadata.xml", (int)top, path);
        take_tile(d, file, 0);
        free(file);
        file = tl_xasprintf("%.*s/%s.json", (int)top, path, d->id);
        take_item(d, file);
    }
    free(file);
}

/* The folder GRANULE/L2A_T33TWM_A042547_20230815T095630 has the time that a date lacks. */
static void take_granule_time(tl__draft *d, const name *n, const char *path)
{
    size_t end = granule_of(path);
    double t;
    if (n->layout == SAFE || n->layout == COG1 || end < 17 ||
        json_object_get(d->properties, "s2:granule_id"))
        return;
    if (has_form(path + end - 17, "_99999999T999999") && tl__when_parse(path + end - 16, &t))
        d->t0 = t;
}

/* --- files ----------------------------------------------------------------------------------- */

/* "T33TWM_20230810T100601_B04_10m" -> "B04", 10; 0 when it has no band. */
static int parse_stem(const char *stem, char band[16], double *metres)
{
    size_t n = strlen(stem);
    *metres = 0;
    if (n > 4 && has_form(stem + n - 4, "_99m")) {
        *metres = atoi(stem + n - 3);
        n -= 4;
    }
    const char *from = stem + n;
    while (from > stem && from[-1] != '_')
        from--;
    size_t len = (size_t)(stem + n - from);
    if (len == 0 || len >= 16)
        return 0;
    part(band, from, len);
    if (*metres == 0)
        *metres = tl__sentinel2_metres(band);
    return tl__sentinel2_metres(band) > 0;
}

static int parse_quality(const char *stem, char band[16], double *metres)
{
    const char *m = strrchr(stem, '_');
    if (strncmp(stem, "MSK_CLDPRB_", 11) == 0)
        strcpy(band, "CLD");
    else if (strncmp(stem, "MSK_SNWPRB_", 11) == 0)
        strcpy(band, "SNW");
    else
        return 0;
    *metres = atof(m + 1);
    return 1;
}

static int is_picture(const char *ext)
{
    return strcasecmp(ext, ".jp2") == 0 || strcasecmp(ext, ".tif") == 0 ||
           strcasecmp(ext, ".tiff") == 0;
}

/* The scene's component of a path: the last one that is a name of Sentinel-2; also the begin of the
 * file's own name. */
static const char *find_component(const char *path, name *n, size_t *len)
{
    const char *found = NULL, *s = path;
    name parsed;
    for (size_t k; *s; s += k + (s[k] == '/')) {
        k = strcspn(s, "/");
        /* Of a file the begin may be one: S2A_33TWM_20230810_0_L2A_B04.tif */
        for (size_t cut = k; cut > 0 && (cut == k || !s[k]); cut--) {
            if ((cut == k || s[cut] == '_') && parse(s, cut, &parsed)) {
                *n = parsed;
                *len = cut;
                found = s;
                break;
            }
        }
    }
    return found;
}

static int take_band(tl__draft *d, const name *n, const tl__file *f, const char *stem,
                     const char *inside)
{
    char band[16];
    double metres = 0;
    int ok;
    if (strstr(inside, "/QI_DATA/"))
        ok = parse_quality(stem, band, &metres);
    else if (n->layout == SAFE)
        ok = strstr(inside, "/IMG_DATA/") && parse_stem(stem, band, &metres);
    else
        ok = !strstr(inside, "/GRANULE/") && parse_stem(stem, band, &metres);
    if (ok)
        tl__draft_asset_add(d, band, f->path, 0, metres);
    return ok;
}

int tl__sentinel2_take(tl__drafts *all, const tl__file *f)
{
    name n;
    size_t len = 0;
    const char *slash = strrchr(f->path, '/'), *base = slash ? slash + 1 : f->path,
               *ext = strrchr(base, '.'), *at = find_component(f->path, &n, &len);
    if (!at)
        return 0;
    if (!ext || !is_picture(ext))
        return 1;
    size_t id_len = n.layout == SAFE ? 60 : len;
    char *id = tl_xasprintf("%.*s", (int)id_len, at),
         *stem = tl_xasprintf("%.*s", (int)(ext - base), base);
    int fresh = 0;
    tl__draft *d = tl__draft_get(all, id, &fresh);
    if (fresh) {
        describe(d, &n, at);
        read_metadata(d, &n, f->path, (size_t)(at - f->path) + len);
    }
    take_granule_time(d, &n, f->path);
    take_band(d, &n, f, stem, at);
    free(id);
    free(stem);
    return 1;
}
