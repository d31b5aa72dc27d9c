#!/usr/bin/python3
"""The page for those who come from elsewhere: what it says runs, and help knows every name of others.
SPDX-License-Identifier: MIT"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import TELLUA, done, ok  # noqa: E402

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
WORK = tempfile.mkdtemp(prefix="coming")
for maker in ("make_scene.py", "make_collection.py"):
    subprocess.run(["/usr/bin/python3", os.path.join(TOP, "tests", maker)], cwd=WORK, check=True)

PRELUDE = """
local img, c = Image "scene.tif", Collection "scenes.json"
local red = img.B04
local field = { type = "Polygon", coordinates = { { { 15.0010, 45.1541 }, { 15.0060, 45.1541 },
  { 15.0060, 45.1561 }, { 15.0010, 45.1541 } } } }
local function look(x) -- computes what is lazy
  local is_image, grid = pcall(function() return x:grid() end)
  if is_image and grid.crs == "" then return tostring(x), x:values() end
  if is_image then return tostring(x), x:sample { points = { 15.001, 45.155 } } end
  if type(x) == "userdata" then return tostring(x), pcall(x.ids, x) end
  return tostring(x)
end
"""
rows = [line.split("|")[1] for line in open(os.path.join(TOP, "docs", "coming-from.md"), encoding="utf-8") if line.startswith("| `")]
expressions = [re.search(r"`([^`]+)`", cell).group(1) for cell in rows]
ok(len(expressions) > 50, "the page has tables of expressions", len(expressions))
bad = []
script = os.path.join(WORK, "all.lua")
with open(script, "w") as f:
    f.write(PRELUDE)
    for e in expressions:
        f.write("do local ok, why = pcall(function() %slook(%s) end) if not ok then print(%r, why) end end\n"
                % (("", e, e) if not e.startswith("output(") else ("return ", "(function() " + e + " end)()", e)))
    f.write('output("one", red)\n')
p = subprocess.run([TELLUA, "run", "--quiet", script], cwd=WORK, capture_output=True, text=True)
said = [line for line in p.stdout.splitlines() if not line.startswith("./")]
ok(p.returncode == 0 and not said, "every expression of the first column runs", "\n".join(said) + p.stderr)

# help by either name
aliases = re.findall(r"^alias (\S+) (\S+)$", subprocess.run([TELLUA], cwd=WORK, capture_output=True, text=True, input="""
for _, n in ipairs { %s } do print("alias " .. n) end
""" % ", ".join('"%s %s"' % pair for pair in (
    ("filterOnDay", "filter_day"), ("filterOnGeoName", "filter_place"), ("processMulti", "mosaic"), ("maskLT", "mask_lt"),
    ("colorCustom", "colors"), ("testExecute", "test_execute"), ("updateMask", "mask"), ("normalizedDifference", "normalized_difference"),
    ("expression", "expr"), ("unitScale", "rescale"), ("focalMean", "focal_mean"), ("toByte", "astype"), ("reduceRegion", "zonal"),
    ("filter_temporal", "filter_date"), ("run_udf", "execute"), ("apply_kernel", "convolve"), ("save_result", "output"),
    ("load_collection", "Collection"), ("aggregate_spatial", "zonal"), ("linear_scale_range", "rescale"), ("calendarRange", "filter_calendar")))).stdout, re.M)
ok(len(aliases) == 21, "the prompt runs a list", aliases)
text = subprocess.run([TELLUA], cwd=WORK, capture_output=True, text=True,
                      input="".join('print("## %s") help "%s"\nprint("## %s") help "%s"\n' % (a, a, b, b) for a, b in aliases)).stdout
parts = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
for alias, canonical in aliases:
    told = parts.get(alias, "")
    ok(re.search(r"^%s is %s here" % (alias, canonical), told, re.M) and "(" in told.split("here", 1)[1] and parts.get(canonical, "").strip(),
       'help "%s" tells of %s' % (alias, canonical), told)
done()
