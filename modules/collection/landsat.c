/* Landsat collections in folders: LC08_L2SP_044033_20210329_20210408_02_T1_SR_B4.TIF and its like.
 * SPDX-License-Identifier: MIT */
#include "modules/collection/folder_int.h"
#include "modules/collection/when.h"
#include "runtime/mem.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID_LENGTH 40

static int is_id(const char *s)
{
    static const char form[] = "LC99_L9AA_999999_99999999_99999999_99_XX";
    for (int i = 0; i < ID_LENGTH; i++) {
        int c = (unsigned char)s[i];
        int ok = form[i] == '9'   ? isdigit(c)
                 : form[i] == 'A' ? isupper(c)
                 : form[i] == 'X' ? isalnum(c)
                 : form[i] == 'C' ? isupper(c)
                                  : c == form[i];
        if (!ok)
            return 0;
    }
    return 1;
}

static void set_text(tl__draft *d, const char *property, const char *text)
{
    json_object_set_new(d->properties, property, json_string(text));
}

static void set_number(tl__draft *d, const char *property, double x)
{
    if (isfinite(x))
        json_object_set_new(d->properties, property, json_real(x));
}

static void describe(tl__draft *d)
{
    char text[32];
    const char *id = d->id;
    snprintf(text, sizeof text, "landsat-c%c-l%c", id[36], id[6]);
    tl__draft_set(&d->collection, text);
    snprintf(text, sizeof text, "landsat-%d", atoi(id + 2));
    tl__draft_set(&d->platform, text);
    snprintf(text, sizeof text, "%.6s", id + 10);
    tl__draft_set(&d->tile, text);
    snprintf(text, sizeof text, "%.3s", id + 10);
    set_text(d, "landsat:wrs_path", text);
    snprintf(text, sizeof text, "%.3s", id + 13);
    set_text(d, "landsat:wrs_row", text);
    snprintf(text, sizeof text, "%.4s", id + 5);
    set_text(d, "landsat:correction", text);
    snprintf(text, sizeof text, "%.2s", id + 35);
    set_text(d, "landsat:collection_number", text);
    set_text(d, "landsat:collection_category", id + 38);
    snprintf(text, sizeof text, "%.8s", id + 17);
    tl__when_parse(text, &d->t0);
}

/* MTL.txt, .json or .xml beside the bands. */
static void read_mtl(tl__draft *d, const char *dir, int n)
{
    static const char *const ext[] = {"txt", "json", "xml"};
    char *text = NULL, value[64], day[24];
    double t;
    for (int i = 0; i < 3 && !text; i++) {
        char *path = tl_xasprintf("%.*s%s_MTL.%s", n, dir, d->id, ext[i]);
        text = tl__metatext_read(path);
        free(path);
    }
    if (!text)
        return;
    d->cloud = tl__metatext_number(text, NULL, "CLOUD_COVER");
    if (d->cloud < 0) /* -1: not assessed */
        d->cloud = NAN;
    set_number(d, "landsat:cloud_cover_land", tl__metatext_number(text, NULL, "CLOUD_COVER_LAND"));
    set_number(d, "view:sun_elevation", tl__metatext_number(text, NULL, "SUN_ELEVATION"));
    set_number(d, "view:sun_azimuth", tl__metatext_number(text, NULL, "SUN_AZIMUTH"));
    if (tl__metatext_find(text, NULL, "LANDSAT_SCENE_ID", value, sizeof value))
        set_text(d, "landsat:scene_id", value);
    if (tl__metatext_find(text, NULL, "SCENE_CENTER_TIME", value, sizeof value) &&
        strlen(value) < 40 && isfinite(d->t0)) {
        char stamp[80];
        tl__when_compact(d->t0, day);
        snprintf(stamp, sizeof stamp, "%.4s-%.2s-%.2sT%s", day, day + 4, day + 6, value);
        if (tl__when_parse(stamp, &t))
            d->t0 = t;
    }
    free(text);
}

int tl__landsat_take(tl__drafts *all, const tl__file *f)
{
    const char *slash = strrchr(f->path, '/'), *base = slash ? slash + 1 : f->path,
               *ext = strrchr(base, '.');
    if (strlen(base) < ID_LENGTH || !is_id(base) ||
        (base[ID_LENGTH] != '_' && base[ID_LENGTH] != '.'))
        return 0;
    if (base[ID_LENGTH] == '.' || !ext || (strcasecmp(ext, ".tif") && strcasecmp(ext, ".tiff")))
        return 1;
    char *id = tl_xasprintf("%.*s", ID_LENGTH, base),
         *key = tl_xasprintf("%.*s", (int)(ext - base) - ID_LENGTH - 1, base + ID_LENGTH + 1);
    int fresh = 0;
    tl__draft *d = tl__draft_get(all, id, &fresh);
    if (fresh) {
        describe(d);
        read_mtl(d, f->path, (int)(base - f->path));
    }
    tl__draft_asset_add(d, key, f->path, 0, 0);
    free(id);
    free(key);
    return 1;
}
