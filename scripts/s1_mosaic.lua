-- A mosaic of Sentinel-1 in decibels, speckle filtered: scenes in radar geometry (by their ground
-- control points) or on a grid, onto one grid.
--   tellua run scripts/s1_mosaic.lua -p scenes=FOLDER --crs EPSG:32643 --res 500
local source = param("scenes", "", { label = "folder or catalogue of Sentinel-1 GRD" })
local band = param("band", "vv", { choices = { "vv", "vh", "hh", "hv" } })
local radius = param("radius", 1, { min = 0, max = 5, label = "cells of the speckle filter" })

local number = Collection(source):select(band):mosaic():mask_eq(0)
local power = number * number -- of the amplitudes that the files hold
if radius > 0 then power = power:focal_mean(radius) end

output("s1", (power:log10() * 10):rename(band), { ramp = "gray" })
