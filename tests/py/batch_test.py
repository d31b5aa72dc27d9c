# Jobs on this machine: the same bytes as `tellua run`, whatever is killed, held, stopped in between.
# SPDX-License-Identifier: MIT
# test-timeout: 240
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import tap
from tap import finish, ok, start, tellua

TMP = os.environ.get("TMPDIR", "/tmp")
os.chdir(TMP)
SIZE = 1500 if not tap.SANITIZED else 700
subprocess.run([sys.executable, "-c", """
import numpy
from osgeo import gdal
gdal.UseExceptions()
n = %d
ds = gdal.GetDriverByName("GTiff").Create("in.tif", n, n, 2, gdal.GDT_UInt16, ["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256"])
ds.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
ds.SetProjection("EPSG:32633")
noise = numpy.random.RandomState(1)
for b in (1, 2):
    ds.GetRasterBand(b).WriteArray(noise.randint(0, 10000, (n, n)).astype("uint16"))
""" % SIZE], check=True)
# The function costs enough that a task takes some tenths of a second.
SLOW = """
local k = param("k", 1)
local image = Image "in.tif"
local a, b = image:select "B1", image:select "B2"
local s = a * 0.5
for i = 1, %d do s = s + (a * i + b):sqrt() * k / (b + i) end
output("o", s, {tile = 128})
"""
SCRIPT = tap.script(SLOW % 60)
run = tellua("run", SCRIPT, "--out", "ref", "--threads", "2")
ok(run.status == 0, "the run to compare with", run)
REF = tap.read("ref/o.tif")
LIMIT = 90 * tap.SLOWER


def submit(job, *more, script=SCRIPT, expect=0):
    r = tellua("submit", script, "--job", job, "--slots", "2", "--backoff", "0.1", *more)
    ok(r.status == expect, "submit %s: status %d" % (job, expect), r)
    return r


def status(job):
    r = tellua("status", job, "--json")
    return json.loads(r.out) if r.status == 0 else {"state": r.err}


def until(job, what, condition):
    """Waits for a condition of the job's status; returns the last one."""
    end = time.monotonic() + LIMIT
    s = status(job)
    while not condition(s) and time.monotonic() < end:
        time.sleep(0.02)
        s = status(job)
    ok(condition(s), "%s: %s" % (job, what), s)
    return s


def same(job, sentence):
    r = tellua("wait", job, "--quiet", limit=LIMIT)
    good = r.status == 0 and os.path.exists(job + "/result/o.tif")
    ok(good and tap.read(job + "/result/o.tif") == REF, "%s: the bytes of `tellua run`" % sentence, r, status(job),
       tap.read(job + "/engine.log")[-600:])


def running_pids(job):
    return [t["pid"] for t in json.loads(tap.read(job + "/state.json"))["running"].values()]


def engine_pid(job):
    return int(tap.read(job + "/engine.pid").split()[0])


def kill(pid, sig=signal.SIGKILL):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


def stopped(pid):
    """'t': it was at its end, where LeakSanitizer traces it; the tracer is of its group and stopped too."""
    try:
        return tap.read("/proc/%d/stat" % pid).decode().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False


# --- the plain way ---------------------------------------------------------------------------------------
r = tellua("submit", SCRIPT, "--job", "plain", "--tasks", "24", "--slots", "2", "--wait", limit=LIMIT)
ok(r.status == 0 and r.out.strip() == os.path.realpath("plain"), "submit --wait prints the folder and ends with 0", r)
same("plain", "24 tasks in 2 processes")
s = status("plain")
ok(s["state"] == "done" and s["done"] == s["total"] == 24 and s["running"] == s["failed"] == s["held"] == 0,
   "status counts 24 tasks done", s)
job = json.loads(tap.read("plain/job.json"))
plan = json.loads(tellua("plan", SCRIPT, "--json").out)
ok(job["key"] == plan["key"] and json.loads(tap.read("plain/plan.json"))["key"] == plan["key"],
   "the folder has the plan under its key", job["key"], plan["key"])
ok(job["parts"][0]["units"] >= 24 and "first" in job["parts"][0] and job["versions"]["tellua"],
   "tasks are ranges of integers, versions are noted", job["parts"], job["versions"])
item = json.loads(tap.read("plain/result/o.json"))
ok(item["type"] == "Feature" and item["properties"]["tellua:plan"] == job["key"] and
   item["assets"]["data"]["href"] == "./o.tif" and 14 < item["bbox"][0] < 16 and 44 < item["bbox"][1] < 46,
   "a STAC Item lies beside the product and says what made it", item)
r = tellua("retry", "plain")
ok(r.status == 0 and status("plain")["state"] == "done", "retry of a job that is done does nothing", r)
r = tellua("submit", SCRIPT, "--job", "plain")
ok(r.status == 2 and "there already" in r.err and len(r.lines()) == 1, "a folder that is there is not taken", r)

# --- forms ------------------------------------------------------------------------------------------------
few = tap.script("""
local a = Image "in.tif":select "B1"
output("p", (a / 40):astype "uint8", {format = "png", tile = 256})
output("z", a, {format = "zarr", tile = 256})
output("n", a, {format = "netcdf", tile = 256})
""", "few.lua")
r = tellua("run", few, "--out", "ref2")
r2 = tellua("submit", few, "--job", "forms", "--tasks", "7", "--wait", "--quiet", limit=LIMIT)
for name in "pzn":
    os.rename("forms/result/%s.json" % name, name + ".json")
differ = subprocess.run(["diff", "-r", "ref2", "forms/result"], capture_output=True, text=True)
ok(r.status == 0 and r2.status == 0 and differ.returncode == 0, "PNG, Zarr and NetCDF of 7 tasks have the bytes of a run",
   r, r2, differ.stdout)

# --- one task by hand ---------------------------------------------------------------------------------------
r = submit("byhand", "--tasks", "3", "--dry-run")
ok("nothing is started" in r.err and not os.path.exists("byhand/engine.pid"), "--dry-run makes the folder alone", r)
p = start("task", "byhand", "1")
end = time.monotonic() + LIMIT
idx = "byhand/tasks/000/0000001.idx"
while time.monotonic() < end and not (os.path.exists(idx) and os.path.getsize(idx) > 96 + 5 * 48):
    time.sleep(0.005)
kill(p.pid, signal.SIGTERM)
r = finish(p)
ok(r.status == 85, "SIGTERM ends a task with 85", r)
ok(not os.path.exists("byhand/tasks/000/0000001.done"), "... which is not done")
r = tellua("task", "byhand", "1")
kept = json.loads(tap.read("byhand/tasks/000/0000001.done"))["kept"]
ok(r.status == 0 and kept >= 4, "run again it keeps the blocks that it had", kept, r)
before = tap.read("byhand/tasks/000/0000001.dat")
r = tellua("task", "byhand", "1")
ok(r.status == 0 and tap.read("byhand/tasks/000/0000001.dat") == before, "a third time it changes nothing", r)
r = tellua("task", "byhand", "merge")
ok(r.status == 65 and "not there" in r.err and not os.listdir("byhand/result"), "a merge names the blocks that are missing", r)
r = tellua("task", "byhand", "partial")
same_cells = subprocess.run([sys.executable, "-c", """
from osgeo import gdal
gdal.UseExceptions()
files = gdal.Open("byhand/partial/o.tif"), gdal.Open("ref/o.tif")
a, b = (f.GetRasterBand(1) for f in files)
seen = a.GetMaskBand().ReadAsArray() != 0
assert 0.2 < seen.mean() < 0.5, seen.mean()
assert (a.ReadAsArray()[seen] == b.ReadAsArray()[seen]).all()
"""], capture_output=True, text=True)
ok(r.status == 0 and same_cells.returncode == 0 and os.listdir("byhand/partial").count("o.tif") == 1,
   "what is there so far can be looked at", r, same_cells.stderr)
for n in ("0", "2"):
    tellua("task", "byhand", n)
r = tellua("task", "byhand", "merge")
ok(r.status == 0 and tap.read("byhand/result/o.tif") == REF, "tasks and merge by hand give the bytes of a run", r)
r = tellua("task", "byhand", "3")
ok(r.status == 2 and "0 to 2" in r.err, "a task that is none is refused", r)
text = json.loads(tap.read("byhand/job.json"))
text["versions"]["gdal"] = "1.0"
tap.write("byhand/job.json", json.dumps(text))
os.remove("byhand/tasks/000/0000000.done")
r = tellua("task", "byhand", "0")
ok(r.status == 78 and "gdal 1.0" in r.err and not os.path.exists("byhand/tasks/000/0000000.done"),
   "another GDAL than the job's: 78, before any pixel", r)

# A SIGTERM that comes before the first block, and another: the task ends with 85, whatever it had is kept.
submit("early", "--tasks", "3", "--dry-run")
p = start("task", "early", "1")


def catches_sigterm(pid):
    caught = re.search(r"SigCgt:\s*(\w+)", tap.read("/proc/%d/status" % pid).decode())
    return int(caught[1], 16) >> (signal.SIGTERM - 1) & 1


end = time.monotonic() + LIMIT
while time.monotonic() < end and not catches_sigterm(p.pid):
    pass
for _ in 1, 2:
    kill(p.pid, signal.SIGTERM)
r = finish(p)
ok(r.status == 85, "two SIGTERMs at the very start of a task: 85", r)
r = tellua("task", "early", "1")
ok(r.status == 0, "... and it can go on", r)

# What a scheduler carries is a checkpoint's: a fault that may pass hands in new blocks first, then says what it is.
shutil.copytree("early", "carried")
os.remove("carried/tasks/000/0000001.done")
for name in "idx", "dat":
    os.remove("carried/tasks/000/0000001." + name)
most = os.path.getsize("early/tasks/000/0000001.dat") // 2


def small_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


r = tellua("task", "carried", "1", "--work", "carried/node", preexec_fn=small_disk)
ok(r.status == 85 and "handed in first" in r.err and os.path.getsize("carried/node/0000001.failed") == 0,
   "a task whose disk is full hands in its blocks: 85", r)
r = tellua("task", "carried", "1", "--work", "carried/node", preexec_fn=small_disk)
ok(r.status == 75 and json.loads(tap.read("carried/node/0000001.failed"))["exit"] == 75,
   "... and with nothing new it is a passing fault: 75", r)
r = tellua("task", "carried", "1", "--work", "carried/node")
e = json.loads(tap.read("carried/node/0000001.done"))
ok(r.status == 0 and e["kept"] > 0 and e["blocks"] > 0, "... where there is room it goes on behind them", r, e)

# --- what is submitted: dry runs -----------------------------------------------------------------------------
r = submit("late", "--on", "htcondor", "--dry-run", "--res", "0.5", "--tasks", "10001")
sub = tap.read("late/htcondor/tasks.sub").decode()
ok("max_materialize = 5000" in sub and len(tap.read("late/htcondor/todo.txt").split()) == 10001,
   "more than 10000 tasks are materialised late", r, sub)
r = submit("direct", "--on", "htcondor", "--dry-run", "--res", "0.5", "--tasks", "10000")
ok("max_materialize" not in tap.read("direct/htcondor/tasks.sub").decode(), "10000 are not", r)
image = "docker://example.org/eo/tellua:1"
r = submit("container", "--on", "htcondor", "--dry-run", "--tasks", "3", "--set", "container_image=" + image)
sub = tap.read("container/htcondor/tasks.sub").decode().split("\n")
ok("universe = container" in sub and "container_image = " + image in sub and "universe = vanilla" not in sub,
   "an image makes it the container universe", r, "\n".join(sub))
r = submit("nodes", "--on", "htcondor", "--dry-run", "--tasks", "3", "--shared")
sub = tap.read("nodes/htcondor/tasks.sub").decode()
ok("transfer_input_files" not in sub and 'arguments = "task %s $(task)"' % os.path.realpath("nodes") in sub,
   "--shared: tasks work in the folder itself", r, sub)
r = submit("array", "--on", "slurm", "--dry-run", "--tasks", "3", "--set", "time=02:00:00", "--set", "partition=short")
sub = tap.read("array/slurm/tasks.sbatch").decode()
ok("#SBATCH --time=02:00:00\n" in sub and "#SBATCH --signal=B:TERM@60\n" in sub and "#SBATCH --partition=short\n" in sub
   and "--time" not in tap.read("array/slurm/merge.sbatch").decode(), "options of sbatch; the time is the tasks' alone", sub)
subprocess.run(["sh", "-n", "array/slurm/tasks.sbatch"], check=True)
fit = tap.script(SLOW % 2, "fit.lua")  # some 15 ms a block
r = submit("fit", "--on", "slurm", "--dry-run", "--res", "0.5", "--set", "time=10", script=fit)
part = json.loads(tap.read("fit/job.json"))["parts"][0]
seconds = part["unit_seconds"] * part["units"] / part["tasks"]
ok(0.9 < seconds < 10 * 60 / 3 * 1.1 and part["tasks"] > 1, "tasks fit into a third of the time limit", part, seconds)

# --- what a run would take ---------------------------------------------------------------------------------
r = tellua("plan", SCRIPT, "--cost", "--json")
cost = json.loads(r.out)
done = json.loads(tap.read("early/tasks/000/0000001.done"))
ok(cost["blocks"] == json.loads(tap.read("plain/job.json"))["parts"][0]["units"] and
   0.5 < cost["written_bytes"] / len(REF) < 2, "plan --cost knows blocks and bytes", cost, len(REF))
ok(0.1 < cost["cpu_seconds"] / (2 * run.seconds) < 10, "... and the time, some", cost, run.seconds)
r = tellua("plan", SCRIPT, "--cost")
ok(r.status == 0 and "\ncost   %d blocks" % cost["blocks"] in r.out, "... for people, too", r)

# --- killed ------------------------------------------------------------------------------------------------
def children(job):
    pid = engine_pid(job)
    return [int(p) for p in tap.read("/proc/%d/task/%d/children" % (pid, pid)).decode().split()]


def kill_a_task(job):
    """SIGKILL to a task that works: it is stopped first, for it might end in between."""
    last = time.monotonic() + LIMIT
    while time.monotonic() < last:
        for pid in children(job):
            kill(pid, signal.SIGSTOP)
            if stopped(pid) and tap.read("/proc/%d/cmdline" % pid).split(b"\0")[3].isdigit():
                kill(pid)
                return True
            kill(pid, signal.SIGCONT)
    return False


submit("kill", "--tasks", "12")
until("kill", "some tasks run", lambda s: s["running"] == 2)
ok(kill_a_task("kill") and kill_a_task("kill"), "kill: two tasks are killed in their work")
same("kill", "two tasks killed with SIGKILL")
ok(status("kill")["retries"] >= 1, "... and started again", status("kill"))

submit("engine", "--tasks", "12")
until("engine", "some tasks run", lambda s: s["running"] == 2 and s["done"] >= 1)
pids = running_pids("engine")
kill(engine_pid("engine"))
s = until("engine", "stopped when its engine is killed", lambda s: s["state"] == "stopped")
end = time.monotonic() + LIMIT
while time.monotonic() < end and any(os.path.exists("/proc/%d" % p) for p in pids):
    time.sleep(0.02)
ok(not any(os.path.exists("/proc/%d" % p) for p in pids), "... and its tasks end with it", pids)
r = tellua("wait", "engine", "--quiet")
ok(r.status == 75, "wait on a stopped job says: try again", r)
r = tellua("retry", "engine")
r2 = tellua("retry", "engine")
ok(r.status == 0 and r2.status == 0, "retry goes on; on a live engine it does nothing", r, r2)
same("engine", "engine killed, retry")

submit("term", "--tasks", "12")
until("term", "some tasks run", lambda s: s["running"] == 2)
kill(engine_pid("term"), signal.SIGTERM)
until("term", "SIGTERM to the engine stops the job", lambda s: s["state"] == "stopped")
tellua("retry", "term")
same("term", "engine ended, retry")

# --- hold, suspend, cancel ------------------------------------------------------------------------------------
submit("hold", "--tasks", "12")
until("hold", "runs", lambda s: s["running"] == 2)
tellua("hold", "hold")
s = until("hold", "held: nothing runs", lambda s: s["state"] == "held" and s["running"] == 0)
tellua("release", "hold")
until("hold", "released: it runs", lambda s: s["running"] > 0 or s["state"] == "done")
tellua("suspend", "hold")
s = until("hold", "suspended", lambda s: s["state"] in ("suspended", "done"))
over = s["state"] == "done"  # a very fast machine
end = time.monotonic() + LIMIT
halted = over
while not halted and time.monotonic() < end:  # one that was just started is stopped a moment later
    time.sleep(0.02)
    halted = all(stopped(p) for p in children("hold"))
ok(halted, "suspend stops the processes where they are", tap.read("hold/state.json"),
   [tap.read("/proc/%d/stat" % p) for p in children("hold")] if not halted else "")
tellua("resume", "hold")
same("hold", "held, released, suspended, resumed")

submit("cancel", "--tasks", "12")
until("cancel", "runs", lambda s: s["running"] == 2 and s["done"] >= 1)
tellua("cancel", "cancel")
r = tellua("wait", "cancel", "--quiet")
ok(r.status == 130 and status("cancel")["state"] == "cancelled", "a cancelled job ends with 130", r, status("cancel"))
tellua("retry", "cancel")
same("cancel", "cancelled, retried")

# An engine that has said that the job is over, and is still there for a moment, hears nothing any more.
submit("breath", "--tasks", "2", "--dry-run")
ending = subprocess.Popen(["sleep", "1000"])
ticks = tap.read("/proc/%d/stat" % ending.pid).decode().rsplit(")", 1)[1].split()[19]
tap.write("breath/engine.pid", ("%d %s\n" % (ending.pid, ticks)).encode())
for verb in ("retry", "release"):
    tap.write("breath/state.json", json.dumps({"state": "held", "ended": 1, "held": {"0": "?"}, "running": {}}).encode())
    r = tellua(verb, "breath")
    ok(r.status == 0 and tellua("wait", "breath", "--quiet").status == 0, "%s starts another engine" % verb, r, status("breath"))
    tap.write("breath/engine.pid", ("%d %s\n" % (ending.pid, ticks)).encode())
ending.kill()
ending.wait()
same("breath", "an engine in its last breath")

# --- errors by class --------------------------------------------------------------------------------------------
subprocess.run([sys.executable, "-c", """
from osgeo import gdal
gdal.UseExceptions()
gdal.Translate("bad.tif", "in.tif", creationOptions=["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256", "COMPRESS=DEFLATE"])
"""], check=True)
good = tap.read("bad.tif")
bad = bytearray(good)
middle = len(bad) // 2
bad[middle:middle + 20000] = os.urandom(20000)  # some tiles of deflate are no longer that
data = tap.script('local a = Image "bad.tif":select "B1"\noutput("o", a * 2, {tile = 128})', "data.lua")
tellua("run", data, "--out", "refdata")
submit("data", "--tasks", "12", "--dry-run", script=data)
tap.write("bad.tif", bytes(bad))
tellua("retry", "data")
r = tellua("wait", "data", "--quiet", limit=LIMIT)
s = status("data")
ok(r.status == 1 and s["state"] == "held" and 1 <= s["held"] < 12 and s["done"] + s["held"] == 12,
   "tasks that fail in their data are held, the others done", r, s)
reason = list(s["held_tasks"].values())[0]
ok("bad.tif" in reason and re.search(r"data\.lua:[12]", reason), "... and the reason names the script line and the file", reason)
tap.write("bad.tif", good)
tellua("release", "data")
r = tellua("wait", "data", "--quiet", limit=LIMIT)
ok(r.status == 0 and tap.read("data/result/o.tif") == tap.read("refdata/o.tif"), "mended and released: the bytes of a run", r,
   status("data"))

code = tap.script("""
local a = Image "in.tif":select "B1"
local function f(B1) if B1 > 5000 then return nil + B1 end return B1 end
output("o", a:execute(f, {on_error = "fail"}), {tile = 128})
""", "code.lua")
submit("code", "--tasks", "30", script=code)
r = tellua("wait", "code", "--quiet", limit=LIMIT)
s = status("code")
ok(r.status == 1 and s["state"] == "failed" and s["done"] == 0 and s["idle"] >= 20 and "code.lua:3" in s["reason"],
   "a task that fails in its code stops the job at once, with the script's line", r, s)

# --- a job after another ---------------------------------------------------------------------------------------
submit("first", "--tasks", "8")
submit("second", "--tasks", "4", "--after", "first")
s = until("second", "waits for the first", lambda s: s["state"] in ("waiting", "done"))
same("second", "after another")
ok(status("first")["ended"] <= status("second")["ended"], "... which was done before")
submit("third", "--tasks", "2", "--after", "code")
r = tellua("wait", "third", "--quiet")
ok(r.status == 1 and "comes before" in status("third")["reason"], "a job after one that failed fails", status("third"))

# --- watching --------------------------------------------------------------------------------------------------
r = tellua("jobs")
ok(r.status == 0 and r.out.split("\n")[0].split() == "USER CMD JOBID DONE IDLE RUNNING HOLDS TOTAL RAM(GB) CPUS DD/hh:mm:ss REASON ETA".split()
   and len(r.lines("out") if False else r.out.strip().split("\n")) >= 11, "jobs lists them all in one table", r.out)
r = tellua("jobs", "--json")
ok({j["name"] for j in json.loads(r.out)} >= {"script", "data", "code", "few"}, "... and as JSON", r.out[:400])
r = tellua("jobs", "plain", "--metrics", "prometheus")
ok('state="done"} 24' in r.out and r.out.startswith("# HELP tellua_tasks"), "--metrics prometheus", r.out)
r = tellua("jobs", "plain", "--metrics", "graphite")
ok(re.search(r"^tellua\.jobs\.\S+\.tasks\.done 24 \d+$", r.out, re.M), "--metrics graphite", r.out)
r = tellua("logs", "plain", "3")
ok("task 3: blocks" in r.out and "blocks computed" in r.out, "logs of a task that is done", r)

slow = tap.script(SLOW % 600, "slow.lua")
submit("follow", "--tasks", "2", script=slow)
until("follow", "runs", lambda s: s["running"] >= 1)
p = start("logs", "follow", "0", "--follow", stdout=subprocess.PIPE)
line = p.stdout.readline().decode()
second = p.stdout.readline().decode()
ok("task 0: blocks" in line and "of" in second and status("follow")["running"] > 0,
   "logs --follow prints standard error of a task that runs", line, second)
tellua("cancel", "follow")
tellua("wait", "follow", "--quiet")
p.stdout.close()
finish(p)
r = tellua("status", "ref")
ok(r.status == 2 and "job.json" in r.err, "a folder that is no job is refused", r)
# --- functions run in the jail where there can be one ---------------------------------------------------
INTERPRETED = tap.script("""
local image = Image "in.tif"
output("f", image:execute(function(B1, B2) return tonumber(string.format("%.3f", B1 / (B2 + 1))) end), {tile = 512})
""", "interpreted.lua")
r = tellua("run", INTERPRETED, "--out", "fref", "--quiet", "--window", "0,0,512,512")
for name, worker, note in (("jailed", os.environ["TELLUA_WORKER"], 0), ("no worker", "/nowhere/worker", 1)):
    job = name.replace(" ", "") + ".job"
    r = tellua("submit", INTERPRETED, "--job", job, "--wait", "--quiet", "--window", "0,0,512,512",
               env=tap.environment(TELLUA_WORKER=worker))
    said = "".join(tap.read(os.path.join(job, "tasks", "000", f)).decode() for f in os.listdir(job + "/tasks/000") if f.endswith(".err"))
    ok(r.status == 0 and tap.read(job + "/result/f.tif") == tap.read("fref/f.tif"), "%s: a function's pixels are those of the run" % name, r)
    ok(said.count("own process") == note, "%s: the task says so when there is no jail" % name, said)
# --- a task that runs its script again -----------------------------------------------------------------
with open("scenes.csv", "w") as f:
    f.write("id,datetime,west,south,east,north,asset:B04\n")
    for i in range(4):
        f.write("s%d,2020-01-0%dT10:00:00Z,15.0,45.14,15.02,45.155,%s/in.tif\n" % (i, i + 1, TMP))
r = tellua("index", "scenes.csv", "--to", "scenes.idx", "--quiet")
rows = tap.script('local c = Collection "scenes.idx"\n'
                  'output("rows", c:time_series({15.001, 45.15, 15.003, 45.152}, {stats = {"mean"}}))\n', "rows.lua")
submit("rows.job", "--bundle", "2", "--dry-run", script=rows)
with open("rows.job/script.lua", "a") as f:
    f.write("\n-- \0" + "x" * (8 << 20) + "\n")
r = tellua("task", "rows.job", "1")
got = tap.read("rows.job/tasks/000/0000001.csv").decode() if r.status == 0 else ""
ok("2020-01-03" in got and "2020-01-04" in got, "a task reads a script with a zero byte to its end", r, got[:300])

tap.done()
