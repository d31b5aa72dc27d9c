#!/usr/bin/python3
# The command line's contract: exit statuses, one clear message each. SPDX-License-Identifier: MIT
# test-timeout: 240
import concurrent.futures
import json
import os
import random
import resource
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap
from tap import ok, tellua

TMP = os.environ.get("TMPDIR", "/tmp")
os.chdir(TMP)
subprocess.run("gdal_create -q -of GTiff -ot UInt16 -bands 2 -outsize 300 200 -a_srs EPSG:32633 -a_ullr 500000 5000000 503000 "
               "4998000 -burn 100 -burn 300 -co TILED=YES -co BLOCKXSIZE=128 -co BLOCKYSIZE=128 in.tif", shell=True, check=True)
open("empty", "w").close()
os.mkdir("folder")
GOOD = tap.script('''local k = param("k", 2, {min = 1, max = 5})
local mode = param("mode", "a", {choices = {"a", "b"}})
local gain = param("gain", 1.5)
local flag = param("flag", true)
output("o", Image "in.tif":select("B1") * k)
''', "good.lua")


def fails(sentence, status, args, *words, **popen):
    """One line of error with these words, nothing on stdout, that exit status."""
    r = tellua(*args, **popen)
    lines = r.lines()
    text = " ".join(lines)
    missing = [w for w in words if w not in text]
    return ok(r.status == status and len(lines) == 1 and lines[0].startswith("tellua: ") and not missing and not r.out,
              "%s: status %d" % (sentence, status), "missing: %s" % missing if missing else "", r)


def script_fails(sentence, text, *words, args=(), status=1, lines=1):
    path = tap.script(text, "fails.lua")
    r = tellua("run", path, *args)
    got = r.lines()
    missing = [w for w in words if w not in r.err]
    return ok(r.status == status and len(got) == lines and not missing, "%s: status %d" % (sentence, status),
              "missing: %s" % missing, r)


def works(sentence, args, *words, **popen):
    r = tellua(*args, **popen)
    missing = [w for w in words if w not in r.out]
    ok(r.status == 0 and not missing and not r.lines(), sentence, "missing: %s" % missing if missing else "", r)
    return r


# --- help, versions, words --------------------------------------------------------------------------
works("--version says the version", ["--version"], "tellua ")
works("--help lists commands and exit statuses", ["--help"], "run", "plan", "view", "doctor", "Exit status")
for command, option in (("run", "--resume"), ("plan", "--json"), ("view", "--png"), ("index", "--to"), ("doctor", "doctor")):
    works(command + " --help lists its options", [command, "--help"], "tellua " + command, option)
works("help COMMAND is COMMAND --help", ["help", "run"], "--resume")
works("doctor says what is here", ["doctor"], "GDAL: ", "PROJ: ", "driver GTiff: yes", "cores: ", "libm: ")
works("without a command lines of Lua are read: none here", [])
fails("a script for the prompt", 2, ["--quiet", "s.lua"], "tellua run s.lua")
fails("an unknown command", 2, ["fly"], "'fly'", "--help")
fails("an unknown option", 2, ["run", GOOD, "--fast"], "--fast", "tellua run --help")
fails("-e behind an option", 2, ["--quiet", "-e", "return 1"], "-e comes first")
fails("an option of another command", 2, ["plan", GOOD, "--resume"], "--resume")
fails("a missing value of an option", 2, ["run", GOOD, "--crs"], "--crs needs CRS")
fails("a value for a flag", 2, ["run", GOOD, "--resume=yes"], "--resume takes no value")
fails("two scripts", 2, ["run", GOOD, "other.lua"], "one script at a time")
fails("no script", 2, ["run"], "which script?")

# --- files -------------------------------------------------------------------------------------------
fails("a missing script", 2, ["run", "nowhere.lua"], "nowhere.lua", "no such file")
fails("a folder as script", 2, ["run", "folder"], "folder is a directory")
fails("an empty script", 1, ["run", "empty"], 'output("name", image)')
fails("a missing raster", 1, ["-e", 'Image "nowhere.tif"'], "nowhere.tif: no such file")
fails("an empty raster", 1, ["-e", 'Image "empty"'], "empty", "not recognized")
fails("a folder as raster", 1, ["-e", 'Image "folder"'], "folder", "not recognized")
fails("a raster without a name", 1, ["-e", 'Image ""'], "name is empty")
fails("a name with a newline stays one line", 1, ["-e", 'Image "no\\n\\27[31mwhere.tif"'], "no such file")
fails("a name that is not UTF-8", 1, ["-e", 'Image "no\\xff\\x9bwhere.tif"'], "no??where.tif")
subprocess.run("gdal_create -q -of GTiff -ot Byte -bands 1 -outsize 9 9 -burn 7 bytes.tif", shell=True, check=True)
r = tellua("-e", 'assert(Image "bytes.tif")')
ok(r.status == 0 and r.err == "", "a picture of bytes is opened without a warning", r)
fails("a wrong band", 1, ["-e", 'Image "in.tif":select "B3"'], "'B3'", "B1", "B2", "did you mean")

# --- where -------------------------------------------------------------------------------------------
fails("a CRS of an unknown code", 2, ["run", GOOD, "--crs", "EPSG:999999"], "--crs", "EPSG:999999")
fails("a CRS that is any word", 2, ["run", GOOD, "--crs", "foo"], "--crs", "foo")
fails("an empty window", 2, ["run", GOOD, "--window", "0,0,0,5"], "--window", "0,0,0,5")
fails("a window outside", 2, ["run", GOOD, "--window", "1000,1000,5,5"], "outside the grid of 300 x 200")
fails("a window beyond all numbers", 2, ["run", GOOD, "--window", "0,0,1e15,1e15"], "2147483647")
fails("a window of three numbers", 2, ["run", GOOD, "--window", "0,0,5"], "column,row,width,height")
fails("a box without size", 2, ["run", GOOD, "--bbox", "1,1,1,1"], "--bbox")
fails("a box of words", 2, ["run", GOOD, "--bbox", "a,b,c,d"], "west,south,east,north")
fails("a box from east to west says how 180 degrees is crossed", 2, ["run", GOOD, "--bbox", "170,5,-170,10"], "170,5,190,10")
fails("a centre with a box", 2, ["view", GOOD, "--center", "15,45", "--zoom", "3", "--bbox", "1,2,3,4"], "--center", "--bbox")
IN = 'output("o", Image "in.tif", {%s})'
for option, words in (("crs = 3035", "crs is a text"), ("format = 3", "format is a text"), ("dtype = 7", "dtype is a text"),
                      ("compress = 5", "compress is a text"), ("overview = 3", "overview is a text"),
                      ("align = true", "align is a text"), ("saturate = 1", "saturate is true or false"),
                      ('format = "hdf"', "none of cog, gtiff, png, zarr, netcdf"), ('crs = "nonsense"', "no coordinate system"),
                      ('dtype = "int64", nodata = 2.0^63', "does not fit int64")):
    script_fails("an output's " + option + " is an error of the script", IN % option, words, "fails.lua:1")
script_fails("a parameter's limit of the wrong type", 'param("n", 1, {min = "a"})', "min is a number")
script_fails("an output's name with a zero byte", 'output("o\\0p", Image "in.tif")', "a file's name")
fails("a cell size of 0", 2, ["run", GOOD, "--res", "0"], "--res")
fails("a cell size that makes too many cells", 2, ["run", GOOD, "--res", "1e-9"], "2147483647")
fails("an unknown format", 2, ["run", GOOD, "--format", "doc"], "cog, gtiff, png, zarr or netcdf")
fails("no threads", 2, ["run", GOOD, "--threads", "0"], "--threads")
fails("a product larger than --max-pixels", 2, ["run", GOOD, "--max-pixels", "1000"], "60000", "1000")
fails("a product larger than --max-pixels in 2^62 cells", 2,
      ["run", GOOD, "--window", "0,0,2147483647,2147483647", "--max-pixels", "1e9"], "--max-pixels")
fails("a limit on the size of files", 1, ["run", GOOD, "--quiet", "--res", "1", "--out", "limited"],
      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)))
fails("a product larger than the disk", 1, ["run", GOOD, "--window", "0,0,2147483647,2147483647"], "MiB")
fails("less memory than is needed", 1, ["run", GOOD, "--mem", "1M"], "MiB", "--mem allows 1 MiB")

# --- parameters and outputs ---------------------------------------------------------------------------
fails("an unknown parameter", 2, ["run", GOOD, "-p", "red=1"], "'red'", "k, mode, gain, flag")
fails("a parameter without value", 2, ["run", GOOD, "-p", "k"], "name=value")
fails("a parameter of the wrong type", 2, ["run", GOOD, "-p", "k=x"], "k=x", "whole number")
fails("a fraction for a whole number", 2, ["run", GOOD, "-p", "k=1.5"], "k=1.5", "whole number")
fails("a word for a number", 2, ["run", GOOD, "-p", "gain=much"], "gain=much", "number")
fails("a word for a truth", 2, ["run", GOOD, "-p", "flag=perhaps"], "true or false")
fails("a parameter out of range", 2, ["run", GOOD, "-p", "k=9"], "9", "1 .. 5")
fails("a bad choice", 2, ["run", GOOD, "-p", "mode=c"], '"c"', '"a"', '"b"')
fails("an unknown output", 2, ["run", GOOD, "--output", "ndvi"], "ndvi", "names o")
script_fails("a script without output", "local x = 1", 'output("name", image)')
script_fails("two outputs of one name", 'output("o", Image "in.tif")\n\noutput("o", Image "in.tif")',
             "fails.lua:3:", "fails.lua:1")
script_fails("an output with a path for a name", 'output("../o", Image "in.tif")', "fails.lua:1:", "../o")
script_fails("an option that output does not know", 'output("o", Image "in.tif", {pallette = "x"})', "pallette")

# --- errors of scripts ---------------------------------------------------------------------------------
script_fails("a syntax error, with line, column and caret", "local a = 1\nlocal b = = 2\n", "fails.lua:2:11:",
             "local b = = 2", "\n              ^", lines=3)
script_fails("an error while running, with its line", "local a\n\nprint(a.x)", "fails.lua:3:", "nil value")
script_fails("an error in a function called by another", "local function f(x)\n  return x.y.z\nend\n"
             "local function g() return (f({})) end\ng()", "fails.lua:2:")
script_fails("error with an object", 'error{code = "data", message = "no scene that day"}', "fails.lua:1:", "no scene that day")
script_fails("error with an object that says transient", 'error{code = "transient", message = "later"}', "later", status=75)
script_fails("error with any table", "error{1, 2}", "table")
script_fails("error with nil", "error()", "nil")
script_fails("an error caught and raised again", 'local ok, e = pcall(Image, "nowhere.tif") error(e)', "nowhere.tif: no such file")
script_fails("a script that does not end", "while true do end", "budget", args=["--budget", "1e6"])
script_fails("a script that eats memory", 'local s = "a" while true do s = s .. s end', "not enough memory")
r = tellua("run", tap.script("local a\nlocal function f() return a.x end\nlocal b = f()", "trace.lua"), "--debug")
ok(r.status == 1 and "call stack" in r.err and "trace.lua:3" in r.err, "--debug shows the call stack", r)

# --- JSON ------------------------------------------------------------------------------------------------
for sentence, args, code, status in (
        ("of usage", ["run", GOOD, "--crs", "foo"], "usage", 2), ("of a script", ["-e", "error 'x'"], "script", 1),
        ("of data", ["-e", "Image 'nowhere.tif'"], "data", 1), ("of memory", ["run", GOOD, "--mem", "1M"], "memory", 1),
        ("about a name that is not UTF-8", ["-e", "Image '\\xff.tif'"], "data", 1)):
    r = tellua(*args, "--json")
    try:
        e = json.loads(r.err)["error"]
    except (ValueError, KeyError):
        e = {}
    ok(r.status == status and e.get("code") == code and e.get("message") and "where" in e and "source" in e and not r.out,
       "--json: an error %s is JSON on stderr" % sentence, r)
r = tellua("run", GOOD, "--out", "json", "--json")
try:
    j = json.loads(r.out)
except ValueError:
    j = {}
for keys in ("seconds.total", "seconds.compute", "pixels", "blocks.done", "blocks.kept", "bytes.read", "bytes.written",
             "memory.planned", "memory.peak", "key"):
    at = j
    for k in keys.split("."):
        at = at.get(k, {}) if isinstance(at, dict) else {}
    ok(at != {} and (not isinstance(at, (int, float)) or at >= 0), "--json reports " + keys, r)
ok(j.get("pixels") == 60000 and j["outputs"][0]["path"] == "json/o.tif" and j["memory"]["peak"] <= j["memory"]["planned"],
   "--json reports what was made, within the memory planned", r)
os.makedirs(b"no\xff", exist_ok=True)
r = tellua("run", GOOD, "--out", os.fsdecode(b"no\xff"), "--json")
try:
    good = r.status == 0 and len(json.loads(r.out)["outputs"]) == 1
except (ValueError, KeyError):
    good = False
ok(good, "--json reports a product in a folder whose name is not UTF-8", r)

shutil.copy("in.tif", os.fsdecode(b"n\xff.tif"))
script_fails("a raster whose name is not UTF-8", 'output("o", Image "n\\xff.tif")', "not UTF-8", "rename")
script_fails("an output whose name is not UTF-8", 'output("\\xff", Image "in.tif")', "a name becomes a file's name")
shutil.copy(GOOD, os.fsdecode(b"s\xff.lua"))
r = tellua("plan", os.fsdecode(b"s\xff.lua"), "--json")
ok(r.status == 0 and '"s?.lua:5"' in r.out, "a script whose name is not UTF-8 has a plan", r)
subprocess.run(["gdal_translate", "-q", "in.tif", "latin.tif"], check=True)
subprocess.run([sys.executable, "-c", "from osgeo import gdal; gdal.UseExceptions(); "
                "d = gdal.Open('latin.tif', 1); d.GetRasterBand(1).SetDescription('XXX'); d = None"], check=True)
tap.write("latin.tif", tap.read("latin.tif").replace(b">XXX<", b">\xb0C.<"[:5]))
works("a band whose name is not UTF-8", ["-e", 'Image "latin.tif"'], "?C. uint16")

# --- -e, stdin, stdout ---------------------------------------------------------------------------------
ok(tellua("-e", "1 + 1").out == "2\n", "-e prints a value")
ok(tellua("-e", '1, 2, nil, "a"').out == "1\t2\tnil\ta\n", "-e prints several values")
ok(tellua("-e", "x = 5").out == "", "-e prints nothing for a statement")
works("-e prints an image", ["-e", 'Image "in.tif"'], "B1 uint16")
fails("-e with an error", 1, ["-e", 'error("no")'], "-e:1: no")
fails("-e without code", 2, ["-e"])
with open(GOOD) as f:
    works("a script comes from stdin", ["run", "-", "--out", "stdin"], "stdin/o.tif", stdin=f)
with open(os.devnull) as f:
    fails("an empty stdin", 1, ["run", "-"], "output(", stdin=f)
for args in (["--help"], ["--version"], ["doctor"], ["plan", GOOD], ["-e", "1"], ["run", GOOD, "--out", "full"]):
    r = finished = None
    with open("/dev/full", "w") as full:
        r = tellua(*args, stdout=full)
    ok(r.status == 1 and r.lines() == ["tellua: cannot write to standard output"], args[0] + " into a full disk: status 1", r)
r = tellua("run", GOOD, "--out", "closed", program=["sh", "-c", 'exec "$0" "$@" >&-', tap.TELLUA])
ok(r.status == 1 and len(r.lines()) == 1 and "standard output" in r.err, "a closed stdout: status 1", r)
r = tellua("doctor", program=["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', tap.TELLUA])
ok(r.status == 1, "with nothing open at all it still ends: status 1", r)

# --- products that cannot be written ------------------------------------------------------------------
os.makedirs("old", exist_ok=True)
tellua("run", GOOD, "--out", "old")
OLD = tap.read("old/o.tif")
fails("a product below a regular file", 1, ["run", GOOD, "--out", "in.tif/sub"], "in.tif/sub")
fails("a product in a place that is a file", 1, ["run", GOOD, "--out", "in.tif"], "in.tif")
works("the folders above a product's are made too", ["run", GOOD, "--out", "new/folder/deep"], "new/folder/deep/o.tif")
os.makedirs("taken/o.tif", exist_ok=True)
fails("a product whose name is taken by a folder", 1, ["run", GOOD, "--out", "taken"], "taken/o.tif")
ok(sorted(os.listdir("taken")) == [".o.job", "o.tif"] or os.listdir("taken") == ["o.tif"], "... and leaves no temporary file",
   os.listdir("taken"))


def mounted(where, options):
    os.makedirs(where, exist_ok=True)
    return os.getuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", where],
                                               stderr=subprocess.DEVNULL).returncode == 0


def write_noise(path, columns, rows):
    """A raw file that no codec makes smaller."""
    with open(path, "wb") as f:
        f.write(random.Random(7).randbytes(columns * rows))
    tap.write(path + ".hdr", "ENVI\nsamples = %d\nlines = %d\nbands = 1\ndata type = 1\ninterleave = bsq\n"
              "byte order = 0\nheader offset = 0\n" % (columns, rows))


FULL = tap.script('output("o", Image "noise")\n', "full.lua")
if mounted("small", "size=6m"):
    try:
        write_noise("noise", 2048, 2000)
        shutil.copy("old/o.tif", "small/o.tif")
        r = tellua("run", FULL, "--out", "small")
        ok(r.status == 1 and len(r.lines()) == 1 and "No space left" in r.err, "a disk that fills up: status 1", r)
        ok(tap.read("small/o.tif") == OLD, "... leaves the old product as it was")
        ok(sorted(os.listdir("small")) in ([".o.job", "o.tif"], ["o.tif"]), "... and no temporary file", os.listdir("small"))
        subprocess.run(["mount", "-o", "remount,size=40m", "small"], check=True)
        r = tellua("run", FULL, "--out", "small", "--resume", "--json")
        ok(r.status == 0 and json.loads(r.out)["blocks"]["kept"] > 0 and os.listdir("small") == ["o.tif"],
           "with more room --resume goes on", r)
        tellua("run", FULL, "--out", "whole")
        ok(tap.read("small/o.tif") == tap.read("whole/o.tif"), "... to the bytes of an undisturbed run")
        subprocess.run(["mount", "-o", "remount,ro", "small"], check=True)
        fails("a read-only folder", 1, ["run", GOOD, "--out", "small"], "small", "Read-only")
    finally:
        subprocess.run(["umount", "small"])
else:
    tap.skip("a disk that fills up, a read-only folder", "tmpfs cannot be mounted here")

# --- plans -------------------------------------------------------------------------------------------------
PLAN = tellua("plan", GOOD, "--json").out
tap.write("plan.json", PLAN)
r = tellua("run", "plan.json", "--out", "planned")
ok(r.status == 0 and tap.read("planned/o.tif") == OLD, "a plan gives the script's bytes", r)
fails("a plan with another grid", 2, ["run", "plan.json", "--res", "20"], "a plan is finished")
fails("a plan that is missing", 1, ["run", "nowhere.json"], "nowhere.json")
SEED = int(os.environ.get("TELLUA_SEED", "20170501"))
RNG = random.Random(SEED)


def wild_value():
    return RNG.choice((None, True, -1, 0, 1, 65536, 2**31, 2**53, -2**63, 1e308, "", "nan", "x" * 5000, [], {}, [[[]]], {"a": 1}))


def mutated():
    """The plan's JSON with one to three wild changes, or its text with some bytes changed."""
    if RNG.random() < 0.4:
        b = bytearray(PLAN.encode())
        for _ in range(RNG.choice((1, 2, 8))):
            at = RNG.randrange(len(b))
            kind = RNG.random()
            if kind < 0.5:
                b[at] = RNG.randrange(256)
            elif kind < 0.7:
                del b[at:at + RNG.randrange(1, 40)]
            else:
                b[at:at] = b[at:at + RNG.randrange(1, 60)]
        return bytes(b) if RNG.random() < 0.9 else bytes(b[:RNG.randrange(len(b))])
    j = json.loads(PLAN)
    for _ in range(RNG.choice((1, 1, 2, 3))):
        at = j
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            k = RNG.choice(keys)
            if isinstance(at[k], (dict, list)) and at[k] and RNG.random() < 0.85:
                at = at[k]
                continue
            kind = RNG.random()
            if kind < 0.15:
                del at[k]
            elif kind < 0.3 and isinstance(at, list):
                at.insert(k, at[k])
            elif kind < 0.6 and isinstance(at[k], (int, float)):
                at[k] = at[k] + RNG.choice((-1, 1, 2, 1000, 2**31, 0.5))
            else:
                at[k] = wild_value()
            break
    return json.dumps(j).encode()


def run_mutant(item):
    i, text = item
    name = "mutant%d.json" % i
    tap.write(name, text)
    r = tellua("run", name, "--out", "mutant%d" % i, "--max-pixels", "1e7", limit=20)
    left = os.listdir("mutant%d" % i) if os.path.isdir("mutant%d" % i) else []
    wrong = []
    if r.status not in (0, 1, 2, 78) or r.seconds > 10 * tap.SLOWER or (r.rss > 1 << 30 and not tap.SANITIZED):
        wrong.append("status %s, %.1f s, %.0f MiB" % (r.status, r.seconds, r.rss / 2**20))
    if (len(r.lines()) != (r.status != 0)) or (r.status and left):
        wrong.append("lines %s, left %s" % (r.lines(), left))
    shutil.rmtree("mutant%d" % i, ignore_errors=True)
    if not wrong:
        os.unlink(name)
    return wrong and "%s: %s\n%s" % (name, wrong, r), r.status


COUNT = int(os.environ.get("TELLUA_MUTATIONS", "300"))
mutants = [mutated() for _ in range(COUNT)]
statuses = {}
bad = []
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for wrong, status in pool.map(run_mutant, enumerate(mutants)):
        statuses[status] = statuses.get(status, 0) + 1
        if wrong:
            bad.append(wrong)
ok(not bad, "%d damaged plans each give a product or one error (TELLUA_SEED=%d)" % (COUNT, SEED), *bad[:6])
tap.note("damaged plans by status: %s" % sorted(statuses.items()))
tap.done()
