# Real pools of three nodes, HTCondor with file transfer and Slurm: the same bytes as `tellua run`,
# with tasks, nodes and daemons killed, disks full and cables pulled. SPDX-License-Identifier: MIT
# test-timeout: 900
import datetime
import os
import re
import subprocess
import sys
import time

import pool
from gate import Later, until
from pool import Pool, tap
from tap import ok

why = pool.why_not()
if why:
    tap.skip_all(why)
TMP = os.environ.get("TMPDIR", "/tmp")
DATA = os.path.join(TMP, "data")
os.makedirs(DATA)
os.chmod(DATA, 0o755)
BLOCKS = 36  # of the pictures behind gates, each 256 cells wide
subprocess.run([sys.executable, "-c", """
import numpy
from osgeo import gdal
gdal.UseExceptions()
noise = numpy.random.RandomState(1)
def make(name, n, *options):
    ds = gdal.GetDriverByName("GTiff").Create(name, n, n, 2, gdal.GDT_UInt16, ["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256"] + list(options))
    ds.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
    ds.SetProjection("EPSG:32633")
    for b in (1, 2):
        ds.GetRasterBand(b).WriteArray(noise.randint(0, 10000, (n, n)).astype("uint16"))
make("in.tif", 768)
make("bad.tif", 768, "COMPRESS=DEFLATE")
for i in range(%d):
    make("%%d.tif" %% i, 256)
""" % BLOCKS], check=True, cwd=DATA)
with open(DATA + "/bad.tif", "r+b") as f:
    f.seek(os.path.getsize(DATA + "/bad.tif") // 2)
    f.write(os.urandom(20000))
FILES = [tap.read("%s/%d.tif" % (DATA, i)) for i in range(BLOCKS)]
real = os.environ.get("TELLUA_SHARED")
series = real and os.path.join(real, "data", "s2_timeseries_mapchete_33T")
if series and not os.path.isdir(series):
    series = None
p = Pool("%s:/data:ro" % DATA + (" %s:/series:ro" % series if series else ""))
began = time.monotonic()


def part(name):
    tap.note("%s, after %.0f s" % (name, time.monotonic() - began))


def gated(name, blocks=BLOCKS):
    """A gate, and the script whose picture is behind it; NAMEref has the bytes of a run."""
    g = p.gate(FILES[:blocks], DATA, name)
    p.write(name + ".lua", 'local i = Image "/data/%s.vrt"\noutput("o", i:select "B1" * 0.5 + i:select "B2", {tile = 256})\n' % name)
    r = p.tellua("run", name + ".lua", "--out", name + "ref", "--quiet")
    ok(r.status == 0, "%s: the run to compare with" % name, r)
    return g


def on(node):
    return p.address(node)


def log(job):
    return p.user("cat", job + "/htcondor/tasks.log").out


def err(job, task):
    return p.user("cat", "%s/tasks/000/%07d.err" % (job, task)).out


def ending(job, task):
    return next((e for e in p.endings(job) if e["task"] == task), None)


# --- Slurm's time limit: first, since it needs a minute or two ---------------------------------------------
# Two tasks of six blocks; each waits before its second one until Slurm says that the time is over.
wall = gated("wall", 12)
wall.only({0, 6})
p.submit("wall", "slurm", "wall.lua", "--tasks", "2", "--set", "time=2", "--io-timeout", "300",
         "--set", "export=ALL,GDAL_HTTP_LOW_SPEED_TIME=300")


def over_time():
    ends = until(lambda: all("asked to end" in err("wall", n) for n in (0, 1)), 200)
    wall.open({1, 7})
    return ends


in_time = Later(over_time)

# --- the whole way on both ----------------------------------------------------------------------------------
p.write("quick.lua", """
local image = Image "/data/in.tif"
output("o", (image:select "B1" * 0.5 + image:select "B2"):sqrt(), {tile = 128})
""")
p.tellua("run", "quick.lua", "--out", "quickref")
if series:
    p.write("whole.lua", 'local c = Collection "/series/catalog.json"\n'
            'output("o", c:mask_clouds():select("B04", "B08"):median(), {tile = 128})\n')
whole = "whole.lua" if series else "quick.lua"
r = p.tellua("run", whole, "--out", "ref", "--threads", "2", "--quiet")
ok(r.status == 0, "a composite of the Sentinel-2 series in one run" if series else "one run", r)
p.submit("condor", "htcondor", whole, "--tasks", "30")
p.submit("slurm", "slurm", whole, "--tasks", "24")
p.same("condor", "ref", "30 tasks over HTCondor's nodes")
hosts = {e["host"] for e in p.endings("condor")}
ok(len(hosts) == 3, "... three of them", hosts)
p.same("slurm", "ref", "24 tasks over Slurm's nodes")
hosts = {e["host"] for e in p.endings("slurm")}
ok(len(hosts) == 3, "... three of them", hosts)
r = p.tellua("jobs")
ok(r.status == 0 and r.out.startswith("USER") and len(r.out.splitlines()) == 4, "jobs has a row for each", r)

# --- a function that does not compile: it runs in the jail, whose program HTCondor carries with the task ----------------
part("interpreted functions")
p.write("named.lua", """
local image = Image "/data/in.tif"
output("o", image:execute(function(B1, B2) return tonumber(string.format("%.2f", B1 / (B2 + 1))) end), {tile = 128})
""")
r = p.tellua("run", "named.lua", "--out", "namedref", "--quiet")
ok(r.status == 0, "a function that is interpreted, in one run", r)


def said(job):
    return p.user("sh", "-c", "cat %s/tasks/*/*.err" % job).out


for engine in ("htcondor", "slurm", "local"):
    p.submit("named-" + engine, engine, "named.lua", "--tasks", "6")
p.user("env", "TELLUA_WORKER=/nowhere/worker", "tellua", "submit", "named.lua", "--on", "htcondor", "--job", "bare", "--tasks", "2")
for engine in ("htcondor", "slurm", "local"):
    p.same("named-" + engine, "namedref", "%s: six tasks of an interpreted function" % engine)
    ok(len(p.endings("named-" + engine)) == 6 and "own process" not in said("named-" + engine), "... in the jail", said("named-" + engine))
carried = p.user("grep", "transfer_input_files", "named-htcondor/htcondor/tasks.sub").out
ok("/opt/tellua/libexec/tellua/worker" in carried, "HTCondor carries the jail's program", carried)
p.same("bare", "namedref", "the same without the jail's program")
ok(said("bare").count("own process") == 2, "... tasks say so, each once: no node has one of its own", said("bare"))

# --- the container universe, as far as it goes without a runtime ---------------------------------------------------------
image = "docker://registry.invalid/eo:1"
p.submit("boxed", "htcondor", "named.lua", "--tasks", "2", "--dry-run", "--set", "container_image=" + image)
r = p.user("sh", "-c", "condor_submit -dry-run boxed.ad boxed/htcondor/tasks.sub >&2 && cat boxed.ad")
ad = dict(re.findall(r"^(\w+) *= *(.*)$", r.out, re.M))
ok(r.status == 0 and (ad.get("WantContainer"), ad.get("ContainerImage"), ad.get("JobUniverse")) == ("true", '"%s"' % image, "5"),
   "condor_submit makes jobs of containers of the image", r)
ok(all(f in ad.get("TransferInput", "") for f in ("job.json", "plan.json", "worker")) and ad.get("Cmd") == '"/opt/tellua/tellua"'
   and ad.get("ShouldTransferFiles") == '"YES"', "... into which program, worker and plan are carried", ad)
ok("HasContainer" in ad.get("Requirements", ""), "... on nodes that have a runtime", ad.get("Requirements"))

# --- rows: a statistic of each scene --------------------------------------------------------------------------
part("rows")
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

# --- faults: twelve tasks of three blocks, all before their second one -------------------------------------------
part("faults")
g = gated("faults")
g.only({3 * i for i in range(12)})
p.submit("faults", "htcondor", "faults.lua", "--tasks", "12")
at = g.until(lambda at: {3 * i + 1 for i in range(12)} <= set(at))
tasks = {n: [b // 3 for b in at if b % 3 == 1 and at[b] == on(n)] for n in ("n1", "n2", "n3")}
ok(all(len(t) == 4 for t in tasks.values()), "all tasks are in their second block, four on each node", tasks)


def pid_of(node, task):
    return p.root(node, "pgrep", "-f", "task . %d --work" % task).out.split()[0]


def vacate(task):
    """Evicts a task; waits until it says that it knows. Where it works, its process."""
    pid = pid_of("n1", task)
    r = p.user("condor_vacate_job", "-constraint", 'TelluaTask == %d && JobStatus == 2' % task)
    ok(r.status == 0, "task %d is evicted" % task, r)
    heard = until(lambda: "asked to end" in p.root("n1", "cat", "/proc/%s/cwd/_condor_stderr" % pid).out)
    ok(heard, "... and hears of it", p.root("n1", "cat", "/proc/%s/cwd/_condor_stderr" % pid))
    return pid


saves, gives_up, orphan = tasks["n1"][:3]
pid = vacate(saves)
g.open({3 * saves + 1})
pid2 = vacate(gives_up)  # its block does not come
starter = p.root("n1", "ps", "-o", "ppid=", "-p", pid_of("n1", orphan)).out.strip()
r = p.root("n1", "kill", "-9", starter)
ok(r.status == 0, "the daemon above task %d is killed" % orphan, r)
r = p.root("n2", "kill", "-9", pid_of("n2", tasks["n2"][0]))
ok(r.status == 0, "task %d is killed" % tasks["n2"][0], r)
p.sh("kill", "n3")
gone = until(lambda: p.root("n1", "ps", "-p", pid + "," + pid2).status == 1)
ok(gone, "both evicted tasks end, the second one without its block", p.root("n1", "ps", "-ef"))
g.open()
p.same("faults", "faultsref", "two tasks evicted, one killed, a daemon killed, a node without power")
e = ending("faults", saves)
ok(e and (e["kept"], e["blocks"]) == (2, 1), "the first evicted task went on behind the block that it had in hand", e,
   err("faults", saves), log("faults"))
e = ending("faults", gives_up)
ok(e and (e["kept"], e["blocks"]) == (1, 2), "the second one behind the block before", e, err("faults", gives_up), log("faults"))
p.sh("boot", "n3")

# --- faults of tasks themselves ----------------------------------------------------------------------------------
# What fails in its data is held, with the place; what fails in its code ends the job.
part("errors by class")
p.write("data.lua", 'local a = Image "/data/bad.tif":select "B1"\noutput("o", a * 2, {tile = 128})\n')
p.write("code.lua", """local a = Image "/data/in.tif":select "B1"
local function f(B1) if B1 > 5000 then return nil + B1 end return B1 end
output("o", a:execute(f, {on_error = "fail"}), {tile = 128})
""")
for engine in ("htcondor", "slurm"):
    p.submit("data-" + engine, engine, "data.lua", "--tasks", "10")
    p.submit("code-" + engine, engine, "code.lua", "--tasks", "40")
for engine in ("htcondor", "slurm"):
    s = p.until("data-" + engine, "tasks that fail in their data are held, the others done",
                lambda s: s["held"] >= 1 and s["held"] + s["done"] == 10)
    ok("bad.tif" in (s["reason"] or "") and "data.lua:" in s["reason"], "... the reason names the line and the file", s)
    s = p.until("code-" + engine, "a task that fails in its code ends the job", lambda s: s["state"] == "failed")
    ok("code.lua:2" in (s["reason"] or "") and s["done"] == 0, "... the reason names the line", s)
    r = p.tellua("cancel", "data-" + engine)
    p.until("data-" + engine, "is cancelled", lambda s: s["state"] == "cancelled")

# --- the time limit ------------------------------------------------------------------------------------------------
part("time limit")
ok(in_time.value(), "Slurm asks tasks to end before their time is over", err("wall", 0), err("wall", 1))
at = wall.until(lambda at: {2, 8} <= set(at))
ok({2, 8} <= set(at), "they are queued again, and go on", at, p.user("squeue").out, err("wall", 0))
wall.open()
p.same("wall", "wallref", "a Slurm job whose tasks do not fit into their time")
e = [(e["kept"], e["blocks"]) for e in p.endings("wall")]
ok(len(e) == 2 and all(kept >= 2 and kept + did == 6 for kept, did in e), "... with all blocks that they had", e, err("wall", 0))

# A read that takes too long is a passing fault: 75, tried again later each time.
part("a passing fault")
slow = gated("patience", 2)


def waits_of_htcondor():
    """Seconds between being held and being released."""
    at = {"012": [], "013": []}
    for code, when in re.findall(r"^(01[23]) \(\S+\) (\S+ \S+) Job was", log("patience-htcondor"), re.M):
        at[code].append(datetime.datetime.fromisoformat(when))
    return [(b - a).total_seconds() for a, b in zip(at["012"], at["013"])]


def waits_of_slurm():
    """Seconds between two times that the task gives up: less than a wait by a second of work."""
    n = err("patience-slurm", 0).count("gave up after 1 s")
    while len(gave_up) < n:
        gave_up.append(time.monotonic())
    return [b - a for a, b in zip(gave_up, gave_up[1:])]


gave_up = []
for engine, waits in (("htcondor", waits_of_htcondor), ("slurm", waits_of_slurm)):
    slow.only({0})
    p.submit("patience-" + engine, engine, "patience.lua", "--tasks", "1", "--io-timeout", "1", "--backoff", "3")
    got = until(lambda: len(waits()) >= 2 and waits(), 120)
    ok(got and got[0] >= 2.5 and got[1] >= 5.5, "%s: what gave up is tried again 3 s and 6 s later" % engine, got, waits(),
       err("patience-" + engine, 0), p.status("patience-" + engine))
    slow.open()
    p.same("patience-" + engine, "patienceref", "a task that failed by a passing fault")
    e = ending("patience-" + engine, 0)
    ok(e and (e["kept"], e["blocks"]) == (1, 1), "... kept what it had", e)

# --- a disk that fills; a cable out, after which HTCondor 23.9 runs a task again ---------------------------------------
part("disk and cable")
g = gated("disk")
g.only({4 * i for i in range(9)})
p.sh("small", "n1")
p.submit("disk", "htcondor", "disk.lua", "--tasks", "9")
at = g.until(lambda at: {4 * i + 1 for i in range(9)} <= set(at))
full = [b // 4 for b in at if b % 4 == 1 and at[b] == on("n1")]
cut = [b // 4 for b in at if b % 4 == 1 and at[b] == on("n2")]
ok(full and cut, "tasks are in their second block on all nodes", at)


def heard():
    """Seconds for which HTCondor hears of the tasks that it will lose: it only misses words that it is used to."""
    r = p.user("condor_q", "-constraint", 'regexp("/disk$", Iwd) && member(TelluaTask, {%s})' % ", ".join(map(str, cut)),
               "-af", "LastJobLeaseRenewal - JobCurrentStartExecutingDate")
    return [int(x) for x in r.out.split() if x.isdigit()]


ok(until(lambda: len(heard()) == len(cut) and min(heard()) >= 4), "HTCondor hears from tasks now and then", heard())
p.sh("fill", "n1")
p.sh("cut", "n2")
start = time.monotonic()
p.submit("one", "slurm", "quick.lua", "--tasks", "4")
p.submit("two", "slurm", "quick.lua", "--tasks", "3", "--after", "one")
noticed = until(lambda: "\n022 (" in log("disk"))
tap.note("the cut is noticed after %.0f s" % (time.monotonic() - start))
time.sleep(max(0, start + 12 - time.monotonic()))
p.sh("join", "n2")
ok(noticed and until(lambda: "\n023 (" in log("disk")), "a cable is out for 12 s; HTCondor notices and connects again", log("disk"))
g.open()
p.same("disk", "diskref", "a disk that fills on one node, a cable out for 12 s on another")
starts = re.findall(r"^001 \(\d+\.(\d+)\.", log("disk"), re.M)  # of each, the number of the task
again = sum(starts.count("%03d" % t) > 1 for t in cut)
tap.note("%d of %d tasks on the node that was cut off ran twice" % (again, len(cut)))
e = {t: ending("disk", t) for t in full}
ok(all(x and x["kept"] >= 1 for x in e.values()), "what the full disk ended kept the blocks that it had", e, log("disk"))
ok("No space left" in log("disk"), "... the reason in the queue is the full disk", log("disk"))
p.sh("drain", "n1")
p.same("two", "quickref", "a Slurm job after another")
ok(p.status("one")["state"] == "done", "... which was done before", p.status("one"))

# --- a common file system; late materialisation ---------------------------------------------------------------------
part("shared folder, late materialisation")
g = gated("late")
g.only(set())
p.submit("shared", "htcondor", "quick.lua", "--tasks", "6", "--shared")
p.submit("late", "htcondor", "late.lua", "--tasks", "12", "--set", "max_materialize=3")
at = g.until(lambda at: {0, 3, 6} <= set(at))
r = p.user("condor_q", "-constraint", 'TelluaTask =!= undefined && regexp("/late$", Iwd)', "-af", "TelluaTask")
ok(set(at) == {0, 3, 6} and r.out.split() == ["0", "1", "2"], "of twelve tasks three are in the queue", at, r)
s = p.status("late")
ok(s["state"] == "running" and s["running"] == 3 and s["idle"] == 9, "... status counts the others as idle", s)
g.open()
p.same("late", "lateref", "jobs that are made as others end")
p.same("shared", "quickref", "tasks that work in the folder itself")

# --- folders and names that are no single words ------------------------------------------------------------------------
part("odd names")
odd = 'it\'s $(touch pwned) "5%" é '
p.submit(odd + "c", "htcondor", "quick.lua", "--tasks", "3", "--name", 'a "b" $(touch pwned)')
p.submit(odd + "sh", "htcondor", "quick.lua", "--tasks", "3", "--shared")
p.submit(odd + "s", "slurm", "quick.lua", "--tasks", "3", "--name", 'a "b" $(touch pwned)', "--after", odd + "c")
for name, sentence in ("c", "HTCondor"), ("sh", "HTCondor, shared"), ("s", "Slurm, after a job of HTCondor that its nodes cannot ask"):
    p.same(odd + name, "quickref", "an odd folder: " + sentence)
ok(not p.user("find", ".", "-name", "pwned").out, "... of which no shell read anything")

# --- steering, and the submit host's power -----------------------------------------------------------------------------
part("steering")
for turn in range(int(os.environ.get("TELLUA_POOL_TURNS", "1"))):
    b, a = "before%d" % turn, "after%d" % turn
    g = gated("steer%d" % turn)
    g.only({6 * i for i in range(6)})
    p.submit(b, "htcondor", "steer%d.lua" % turn, "--tasks", "6")
    p.submit(a, "htcondor", "quick.lua", "--tasks", "6", "--after", b)
    at = g.until(lambda at: {6 * i + 1 for i in range(6)} <= set(at))
    ok(len(at) >= 12, "all tasks are in their second block", at)
    r = p.tellua("suspend", b)
    s = p.until(b, "is suspended", lambda s: s["state"] == "suspended")
    stopped = until(lambda: all(set(p.root(n, "ps", "-o", "s=", "-C", "tellua").out.split()) <= {"T"} for n in ("n1", "n2", "n3")))
    ok(stopped, "... the processes stand", [p.root(n, "ps", "-ef").out for n in ("n1", "n2", "n3")])
    p.tellua("resume", b)
    p.until(b, "is resumed", lambda s: s["state"] == "running" and s["running"] > 0)
    n = str((p.status(b)["running_tasks"] or ["0"])[0])
    r = p.user("timeout", "60", "sh", "-c", "tellua logs %s %s --follow | head -n 1" % (b, n))
    ok(r.status == 0 and "task %s: blocks" % n in r.out, "logs --follow shows standard error of running tasks", r)
    p.sh("kill", "cm")
    p.sh("boot", "cm")
    ok(until(lambda: p.user("condor_q", "-af", "ClusterId").status == 0), "the submit host is there again")
    g.open()
    p.same(b, "steer%dref" % turn, "suspended, resumed, the submit host restarted")
    p.same(a, "quickref", "a job after it, by a DAG")
part("end")
tap.done()
