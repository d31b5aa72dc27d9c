-- Names and colours of well-known classes. SPDX-License-Identifier: MIT
--
-- Numbers and names as their producers state them, and their colours.
local core, globals = ...

local raise, pairs, tostring, format = core.raise, pairs, tostring, string.format
local concat, sort = table.concat, table.sort

local tables = {
  -- ESA, Sentinel-2 Products Specification Document, scene classification
  scl = { [0] = { "#000000", "no data" }, { "#ff0000", "saturated or defective" },
    { "#2f2f2f", "dark" }, { "#643200", "cloud shadow" }, { "#00a000", "vegetation" },
    { "#ffe65a", "not vegetated" }, { "#0000ff", "water" }, { "#808080", "unclassified" },
    { "#c0c0c0", "cloud, medium probability" }, { "#ffffff", "cloud, high probability" },
    { "#64c8ff", "thin cirrus" }, { "#ff96ff", "snow or ice" } },
  -- ESA WorldCover, Product User Manual 2.0
  worldcover = { [10] = { "#006400", "tree cover" }, [20] = { "#ffbb22", "shrubland" },
    [30] = { "#ffff4c", "grassland" }, [40] = { "#f096ff", "cropland" },
    [50] = { "#fa0000", "built-up" }, [60] = { "#b4b4b4", "bare or sparse vegetation" },
    [70] = { "#f0f0f0", "snow and ice" }, [80] = { "#0064c8", "permanent water" },
    [90] = { "#0096a0", "herbaceous wetland" }, [95] = { "#00cf75", "mangroves" },
    [100] = { "#fae6a0", "moss and lichen" } },
  -- Brown and others 2022: Dynamic World
  dynamicworld = { [0] = { "#419bdf", "water" }, { "#397d49", "trees" }, { "#88b053", "grass" },
    { "#7a87c6", "flooded vegetation" }, { "#e49635", "crops" },
    { "#dfc35a", "shrub and scrub" }, { "#c4281b", "built area" }, { "#a59b8f", "bare ground" },
    { "#b39fe1", "snow and ice" } },
}

-- class_table "scl" -> {[number] = {colour, name}}, as the look `classes` takes it
function globals.class_table(name)
  local names, copy = {}, {}
  for known in pairs(tables) do names[#names + 1] = known end
  sort(names)
  if not tables[name] then
    raise(format("there is no class table %s; there are %s", tostring(name),
      concat(names, ", ")))
  end
  for value, x in pairs(tables[name]) do copy[value] = { x[1], x[2] } end
  return copy
end
