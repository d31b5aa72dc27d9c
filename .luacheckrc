-- What Tellua's scripts may name. SPDX-License-Identifier: MIT
std = "lua54"
max_line_length = 120
exclude_files = { "build" }

-- The script's own words (docs/manual.md).
read_globals = {
  "Image", "Collection", "ImageCollection", "Grid", "Map", "Job",
  "param", "output", "show", "place", "tellua", "help", "if_else", "near", "nd", "clamp", "lerp", "step", "test_execute", "near", "lerp", "step", "clamp",
  "test_execute",
}

-- In a Function the parameters are named like bands, wanted or not.
files["scripts"] = { ignore = { "212" } }
files["tests/lua"] = { globals = { "test", "skip", "eq", "near_eq", "raises" } }

-- The helpers of pixel functions are globals by design; they call each other by name.
files["modules/expr/fn_prelude.lua"] = { allow_defined_top = true, ignore = { "131" } }
files["scripts/gallery/burned_area.lua"] = { ignore = { "511" } } -- unreachable as published
