/* Versions of the libraries below, for plans. SPDX-License-Identifier: MIT */
#include "modules/raster/raster.h"

#include <gdal.h>
#include <proj.h>

const char *tl_gdal_version(void)
{
    return GDALVersionInfo("RELEASE_NAME");
}

const char *tl_proj_version(void)
{
    return proj_info().version;
}
