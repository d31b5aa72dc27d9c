#!/usr/bin/python3
# Folders and stacks through `tellua index`. SPDX-License-Identifier: MIT
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap
from tap import np, ok

TMP = os.environ.get("TMPDIR", "/tmp")


def index(source, *more):
    """Exit status 0: the counts; else the error."""
    out, _ = tap.tellua("index", source, "--to", os.path.join(TMP, "i.tlx"), "--json", *more)
    return json.loads(out)


def fresh(name):
    path = os.path.join(TMP, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    if os.path.exists(os.path.join(TMP, "i.tlx")):
        os.remove(os.path.join(TMP, "i.tlx"))
    return path


def scenes_of(got):
    return got.get("scenes")


root = fresh("plain")
cells = [np.arange(12, dtype="uint16").reshape(3, 4)]
for day in (10, 12, 14):
    for band in ("B04", "B08"):
        tap.write("%s/farm_202308%d_%s.tif" % (root, day, band), cells)
first = index(root)
ok(scenes_of(first) == 3, "three dates of two bands are three scenes", first)
again = index(root)
ok((again["new"], again["unchanged"]) == (0, 3), "indexing again changes nothing", again)
with open(root + "/farm_20230816_B04.tif", "w") as f:
    f.write("not a tif")
_, err = tap.tellua("index", root, "--to", os.path.join(TMP, "j.tlx"), expect=1)
ok("scene farm_20230816" in err and "farm_20230816_B04.tif" in err, "an unreadable file is named", err)
os.remove(os.path.join(TMP, "i.tlx"))
fewer = index(root, "--pattern", "farm_{date}_B08.tif")
ok(scenes_of(fewer) == 3, "a pattern leaves it aside", fewer)
_, err = tap.tellua("index", root, "--to", os.path.join(TMP, "j.tlx"), "--pattern", "{band", expect=2)
ok("pattern: '{band' has no '}'" in err, "a bad pattern is a mistake of the command line", err)

root = tap.shared("s2_s1_l8_dense_worldcereal", "00002806639B424A")
if root:
    fresh("none")
    got = index(root)
    ok(scenes_of(got) == 847, "the dense series' folder has a scene for each step of each sensor", got)
    fresh("none")
    got = index(root, "--pattern", "S2_L2A_{*}_{id}_{*}_{*}_{*}.nc")
    ok(scenes_of(got) == 118, "118 dates of Sentinel-2, of files of 10 m and 20 m", got)
else:
    tap.note("no real data: skipped")
tap.done()
