# Real pools of three nodes, HTCondor with file transfer and Slurm: the same bytes as `tellua run`,
# with tasks, nodes and daemons killed, disks full and cables pulled. SPDX-License-Identifier: MIT
# test-timeout: 900
import os
import subprocess
import sys
import threading
import time

import pool
from pool import Pool, tap
from tap import ok

why = pool.why_not()
if why:
    tap.skip_all(why)
TMP = os.environ.get("TMPDIR", "/tmp")
DATA = os.path.join(TMP, "data")
os.makedirs(DATA)
os.chmod(DATA, 0o755)
subprocess.run([sys.executable, "-c", """
import numpy
from osgeo import gdal
gdal.UseExceptions()
n = 768
noise = numpy.random.RandomState(1)
values = [noise.randint(0, 10000, (n, n)).astype("uint16") for _ in (1, 2)]
for name, more in (("in.tif", []), ("bad.tif", ["COMPRESS=DEFLATE"])):
    ds = gdal.GetDriverByName("GTiff").Create(name, n, n, 2, gdal.GDT_UInt16, ["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256"] + more)
    ds.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
    ds.SetProjection("EPSG:32633")
    for b in (1, 2):
        ds.GetRasterBand(b).WriteArray(values[b - 1])
"""], check=True, cwd=DATA)
with open(DATA + "/bad.tif", "r+b") as f:
    f.seek(os.path.getsize(DATA + "/bad.tif") // 2)
    f.write(os.urandom(20000))
real = os.environ.get("TELLUA_SHARED")
series = real and os.path.join(real, "data", "s2_timeseries_mapchete_33T")
if series and not os.path.isdir(series):
    series = None
p = Pool("%s:/data:ro" % DATA + (" %s:/series:ro" % series if series else ""))

SLOW = """
local image = Image "/data/in.tif"
local a, b = image:select "B1", image:select "B2"
local s = a * 0.5
for i = 1, %d do s = s + (a * i + b):sqrt() / (b + i) end
output("o", s, {tile = 128})
"""
p.write("slow.lua", SLOW % 2500)
r = p.tellua("run", "slow.lua", "--out", "slowref", "--threads", "2")
ok(r.status == 0, "the run to compare with", r)
p.write("slower.lua", SLOW % 6000)
p.tellua("run", "slower.lua", "--out", "slowerref", "--threads", "2")
p.write("quick.lua", SLOW % 20)
p.tellua("run", "quick.lua", "--out", "quickref")
tap.note("a run takes %.1f s" % r.seconds)

# --- the whole way on both --------------------------------------------------------------------------------
if series:
    p.write("s2.lua", 'local c = Collection "/series/catalog.json"\n'
            'output("o", c:mask_clouds():select("B04", "B08"):median(), {tile = 128})\n')
    script = "s2.lua"
else:
    script = "slow.lua"
r = p.tellua("run", script, "--out", "ref", "--threads", "2", "--quiet")
ok(r.status == 0, "a composite of the Sentinel-2 series in one run" if series else "one run", r)
p.submit("condor", "htcondor", script, "--tasks", "30")
p.submit("slurm", "slurm", "s2.lua" if series else script, "--tasks", "24")
p.same("condor", "ref", "30 tasks over HTCondor's nodes")
hosts = {e["host"] for e in p.endings("condor")}
ok(len(hosts) == 3, "... three of them", hosts)
p.same("slurm", "ref", "24 tasks over Slurm's nodes")
hosts = {e["host"] for e in p.endings("slurm")}
ok(len(hosts) == 3, "... three of them", hosts)
r = p.tellua("jobs")
ok(r.status == 0 and r.out.startswith("USER") and len(r.out.splitlines()) == 3, "jobs has a row for each", r)

# --- rows: a statistic of each scene ---------------------------------------------------------------------------
ROWS = int(os.environ.get("TELLUA_POOL_ROWS", "1000"))
with open(DATA + "/scenes.csv", "w") as f:
    f.write("id,datetime,west,south,east,north,asset:B04\n")
    for i in range(ROWS):
        f.write("s%05d,20%02d-%02d-%02dT10:%02d:00Z,15.0,45.14,15.02,45.155,/data/in.tif\n"
                % (i, 10 + i // 3600, 1 + i // 300 % 12, 1 + i // 12 % 25, i % 12 * 5))
p.write("rows.lua", 'local c = Collection "/shared/w/scenes.idx"\n'
        'output("rows", c:time_series({15.001, 45.15, 15.003, 45.152}, {stats = {"mean", "count"}}))\n')
r = p.tellua("index", "/data/scenes.csv", "--to", "scenes.idx", "--quiet")
r2 = p.tellua("run", "rows.lua", "--out", "rowsref", "--quiet", limit=300)
ok(r.status == 0 and r2.status == 0, "%d rows in one run" % ROWS, r, r2)
p.submit("rows", "htcondor", "rows.lua", "--bundle", str(ROWS // 20))
r = p.tellua("wait", "rows", "--quiet", limit=300)
c = p.user("cmp", "rows/result/rows.csv", "rowsref/rows.csv")
n = p.user("wc", "-l", "rows/result/rows.csv").out.split()[:1]
ok(r.status == 0 and c.status == 0 and n == [str(ROWS + 1)], "20 tasks give the table of a run", r, c, n, p.status("rows"))

# --- faults ------------------------------------------------------------------------------------------------


def task_on(node):
    """Pids of tasks that run on a node."""
    r = p.root(node, "pgrep", "-f", "task . [0-9]+ --work")
    return r.out.split()


# A task is killed, a task is evicted, a node loses its power, in one job.
p.submit("faults", "htcondor", "slower.lua", "--tasks", "9")
p.until("faults", "tasks run", lambda s: s["running"] >= 7)
r = p.user("condor_q", "-constraint", "JobStatus == 2 && TelluaTask =!= undefined", "-af:j", "TelluaTask", "RemoteHost")
rows = [line.split() for line in r.out.splitlines()]
here = [x for x in rows if "n1" in x[2]]
evicted = here[0][1]


def blocks_of(task):
    r = p.root("n1", "sh", "-c", "stat -c %%s /var/lib/condor/execute/*/%07d.idx" % int(task))
    return max(0, (int(r.out.split()[0]) - 96) // 48) if r.out.split() else 0


end = time.monotonic() + 60
while time.monotonic() < end and blocks_of(evicted) < 1:
    time.sleep(0.2)
had = blocks_of(evicted)
r = p.user("condor_vacate_job", here[0][0])
ok(r.status == 0, "a task is evicted", r)
victims = task_on("n2")
r = p.root("n2", "kill", "-9", *victims[:1])
ok(r.status == 0, "a task is killed with SIGKILL", r, victims)
p.sh("kill", "n3")
p.same("faults", "slowerref", "a task killed, one evicted, a node without power")
e = [x for x in p.endings("faults") if str(x["task"]) == evicted]
log = p.user("sh", "-c", "cat faults/tasks/000/%07d.err" % int(evicted)).out
ok(e and e[0]["kept"] >= had > 0 and e[0]["kept"] + e[0]["blocks"] == 4,
   "the evicted task went on from its checkpoint, with all blocks that it had", had, e, log)
p.sh("boot", "n3")

# What fails in its data is held, with the place; what fails in its code ends the job.
p.write("data.lua", 'local a = Image "/data/bad.tif":select "B1"\noutput("o", a * 2, {tile = 128})\n')
p.write("code.lua", """local a = Image "/data/in.tif":select "B1"
local function f(B1) if B1 > 5000 then return nil + B1 end return B1 end
output("o", a:execute(f, {on_error = "fail"}), {tile = 128})
""")
for on in ("htcondor", "slurm"):
    p.submit("data-" + on, on, "data.lua", "--tasks", "10")
    p.submit("code-" + on, on, "code.lua", "--tasks", "40")
for on in ("htcondor", "slurm"):
    s = p.until("data-" + on, "tasks that fail in their data are held, the others done",
                lambda s: s["held"] >= 1 and s["held"] + s["done"] == 10)
    ok("bad.tif" in (s["reason"] or "") and "data.lua:" in s["reason"], "... the reason names the line and the file", s)
    s = p.until("code-" + on, "a task that fails in its code ends the job", lambda s: s["state"] == "failed")
    ok("code.lua:2" in (s["reason"] or "") and s["done"] == 0, "... the reason names the line", s)
    r = p.tellua("cancel", "data-" + on)
    p.until("data-" + on, "is cancelled", lambda s: s["state"] == "cancelled")

# A full disk on one node; a cable out for 12 s, after which HTCondor 23.9 runs a task again.
p.sh("fill", "n1")
p.submit("disk", "htcondor", "slower.lua", "--tasks", "9")
p.until("disk", "runs on n2 and n3", lambda s: s["running"] >= 5)
p.sh("cut", "n2")
cut = time.monotonic()
p.submit("one", "slurm", "quick.lua", "--tasks", "4")
p.submit("two", "slurm", "quick.lua", "--tasks", "3", "--after", "one")
time.sleep(max(0, cut + 12 - time.monotonic()))
p.sh("join", "n2")
p.same("disk", "slowerref", "a full disk on one node, a cable out for 12 s on another")
hosts = {e["host"] for e in p.endings("disk")}
ok("n1.pool.test" not in hosts, "... nothing was done where the disk is full", hosts)
p.sh("drain", "n1")
p.same("two", "quickref", "a Slurm job after another")
ok(p.status("one")["state"] == "done", "... which was done before", p.status("one"))

# Steering, and the submit host's power.
p.submit("before", "htcondor", "slow.lua", "--tasks", "6")
p.submit("after", "htcondor", "quick.lua", "--tasks", "6", "--after", "before")
p.until("before", "tasks run", lambda s: s["running"] >= 4)
r = p.tellua("suspend", "before")
p.until("before", "is suspended", lambda s: s["state"] == "suspended")
p.tellua("resume", "before")
p.until("before", "is resumed", lambda s: s["state"] == "running" and s["running"] > 0 or s["state"] == "done")
n = str((p.status("before")["running_tasks"] or ["0"])[0])
r = p.user("timeout", "60", "sh", "-c", "tellua logs before %s --follow | head -n 2" % n)
ok(r.status == 0 and "task %s: blocks" % n in r.out, "logs --follow shows standard error of running tasks", r)
p.sh("kill", "cm")
p.sh("boot", "cm")
p.same("before", "slowref", "suspended, resumed, the submit host restarted")
p.same("after", "quickref", "a job after it, by a DAG")
tap.done()
