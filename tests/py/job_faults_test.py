# What befalls jobs among other people: folders moved or taken, disks that are full, links that wait
# for a name, machines of others, killed merges. SPDX-License-Identifier: MIT
# test-timeout: 240
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import tap
from tap import ok, tellua

TMP = os.environ.get("TMPDIR", "/tmp")
os.chdir(TMP)
subprocess.run([sys.executable, "-c", """
import numpy
from osgeo import gdal
gdal.UseExceptions()
ds = gdal.GetDriverByName("GTiff").Create("in.tif", 512, 512, 1, gdal.GDT_UInt16, ["TILED=YES"])
ds.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
ds.SetProjection("EPSG:32633")
ds.GetRasterBand(1).WriteArray(numpy.random.RandomState(1).randint(0, 10000, (512, 512)).astype("uint16"))
"""], check=True)
SCRIPT = tap.script('output("o", (Image "in.tif":select "B1" * 0.5):sqrt(), {tile = 64})', "quick.lua")  # 64 blocks
LIMIT = 60 * tap.SLOWER
r = tellua("run", SCRIPT, "--out", "ref")
ok(r.status == 0, "the run to compare with", r)
REF = tap.read("ref/o.tif")


def submit(job, *more):
    r = tellua("submit", SCRIPT, "--job", job, "--slots", "1", "--backoff", "0.05", *more, limit=LIMIT)
    ok(r.status == 0, "submit " + job, r)
    return r


def status(job):
    return json.loads(tellua("status", job, "--json").out)


def until(what, condition):
    end = time.monotonic() + LIMIT
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    ok(condition(), what)


def engine_pid(job):
    return int(tap.read(job + "/engine.pid").split()[0])


def is_there(pid):
    return os.path.exists("/proc/%d" % pid)


def is_whole(job, sentence):
    r = tellua("wait", job, "--quiet", limit=LIMIT)
    ok(r.status == 0 and tap.read(job + "/result/o.tif") == REF, sentence + ": the bytes of a run", r,
       tap.read(job + "/engine.log")[-600:])


# --- names --------------------------------------------------------------------------------------------
# Whoever may write where a job is made, knows the number of its process to be.
os.makedirs("victim/inner")
tap.write("victim/mine", b"precious")
p = subprocess.run(["sh", "-c", 'ln -s "$PWD/victim" "$PWD/link.job.new-$$"; exec "$TELLUA" submit quick.lua '
                    "--job link.job --tasks 2 --wait --quiet"], env=tap.environment(), capture_output=True, timeout=LIMIT)
ok(p.returncode == 0 and os.path.exists("link.job/result/o.tif"), "a link in the way of a new job is passed by", p)
ok(tap.read("victim/mine") == b"precious" and sorted(os.listdir("victim")) == ["inner", "mine"],
   "... and nothing of where it leads is touched", os.listdir("victim"))
for option, value in (("--job", "a\nb"), ("--name", "a\nqueue 5")):
    words = {"--job": "lines.job", option: value}
    r = tellua("submit", SCRIPT, "--dry-run", *[w for pair in words.items() for w in pair])
    ok(r.status == 2 and "line breaks" in r.err and len(r.lines()) == 1 and not os.path.exists(value),
       "%s with a line break is refused" % option, r)
odd = "it's $(touch x) \"5%\" é"
for engine in "htcondor", "slurm":
    submit(odd + engine, "--on", engine, "--tasks", "2", "--dry-run", "--name", 'a "b" $(c)')
real = os.path.realpath(odd)
sub = tap.read(odd + "htcondor/htcondor/merge.sub").decode().split("\n")
there = real.replace("$", "$(DOLLAR)") + "htcondor"
ok("initialdir = " + there in sub and "batch_name = a__b____c_" in sub and
   "arguments = \"task '%s' merge\"" % there.replace("'", "''").replace('"', '""') in sub,
   "HTCondor: an odd folder is quoted", "\n".join(sub))
ok("queue task from %s/htcondor/todo.txt" % there in tap.read(odd + "htcondor/htcondor/tasks.sub").decode(),
   "... where the tasks are listed, too")
batch = tap.read(odd + "slurm/slurm/tasks.sbatch").decode()
ok('#SBATCH --chdir="%sslurm"\n' % real.replace('"', '\\"') in batch, "Slurm: an odd folder is quoted", batch)
subprocess.run(["sh", "-n", odd + "slurm/slurm/tasks.sbatch"], check=True)
submit(odd, "--tasks", "2")
is_whole(odd, "a job in an odd folder")

# --- held tasks are released while others run ----------------------------------------------------------
submit("release", "--tasks", "64", "--dry-run")
os.makedirs("release/tasks/000/0000001.idx")  # where its blocks would be
tellua("retry", "release")
until("a task is held", lambda: status("release")["held"] == 1)
os.kill(engine_pid("release"), signal.SIGSTOP)  # so that the others are not done before
os.rmdir("release/tasks/000/0000001.idx")
s = status("release")
r = tellua("release", "release")
os.kill(engine_pid("release"), signal.SIGCONT)
ok(r.status == 0 and s["state"] == "running" and s["done"] < 63, "release while others run", r, s)
is_whole("release", "held and released while others run")

# --- the folder goes ------------------------------------------------------------------------------------
submit("gone", "--tasks", "64")
until("some task is done", lambda: os.path.exists("gone/tasks/000/0000002.done"))
pid = engine_pid("gone")
os.rename("gone", "moved")
until("the engine of a folder that was moved ends", lambda: not is_there(pid))
ok(not os.path.exists("gone"), "... and makes nothing in its place", os.path.exists("gone") and os.listdir("gone"))
ok("moved or removed" in tap.read("moved/engine.log").decode(), "... and says why", tap.read("moved/engine.log"))
r = tellua("retry", "moved")
ok(r.status == 0, "retry where it is now", r)
is_whole("moved", "moved and retried")
submit("gone", "--tasks", "64")
until("some task is done", lambda: os.path.exists("gone/tasks/000/0000002.done"))
pid = engine_pid("gone")
os.kill(pid, signal.SIGSTOP)
os.rename("gone", "moved2")
submit("gone", "--tasks", "3", "--dry-run")
os.kill(pid, signal.SIGCONT)
until("another job in its place: the engine ends", lambda: not is_there(pid))
ok(not os.path.exists("gone/state.json") and not os.listdir("gone/tasks"), "... and leaves that alone", os.listdir("gone"),
   os.listdir("gone/tasks"))

# --- the disk is full --------------------------------------------------------------------------------------
# A folder in the place of state.json stands for it: nothing can be renamed there.
submit("full", "--tasks", "64")
until("some task is done", lambda: os.path.exists("full/tasks/000/0000002.done"))
pid = engine_pid("full")
os.kill(pid, signal.SIGSTOP)
os.remove("full/state.json")
os.makedirs("full/state.json/x")
os.kill(pid, signal.SIGCONT)
until("the engine cannot write, and says so", lambda: b"cannot write" in tap.read("full/engine.log"))
until("... and goes on", lambda: not is_there(pid) or os.path.exists("full/tasks/000/0000040.done"))
os.kill(pid, signal.SIGSTOP)
shutil.rmtree("full/state.json")
os.kill(pid, signal.SIGCONT)
is_whole("full", "a disk that was full for a while")
ok(tap.read("full/engine.log").count(b"state.json") == 1, "... said once", tap.read("full/engine.log"))

# --- the merge is killed -----------------------------------------------------------------------------------


def kill_merge(job):
    """SIGKILL to the merge, which is stopped first. Whether there was one."""
    engine = engine_pid(job)
    while is_there(engine):
        try:
            for pid in map(int, tap.read("/proc/%d/task/%d/children" % (engine, engine)).split()):
                if b"\0merge\0" in tap.read("/proc/%d/cmdline" % pid):
                    os.kill(pid, signal.SIGKILL)
                    return True
        except OSError:
            pass
    return False


submit("merge", "--tasks", "2")
ok(kill_merge("merge"), "the merge is killed")
is_whole("merge", "a merge that was killed")
s = status("merge")
ok(s["retries"] == 1 and "ended by signal 9; again" in tap.read("merge/engine.log").decode(), "... was tried again", s,
   tap.read("merge/engine.log"))
submit("locked", "--tasks", "2", "--dry-run")
os.makedirs("locked/merge")
with open("locked/merge/merge.idx", "w") as f:  # as if a killed engine's merge were still at it
    fcntl.flock(f, fcntl.LOCK_EX)
    tellua("retry", "locked")
    r = tellua("wait", "locked", "--quiet", limit=LIMIT)
    s = status("locked")
    ok(r.status == 75 and s["state"] == "failed" and "in use" in s["reason"] and s["retries"] == 4,
       "a merge that cannot be: 75, after five times", r, s)
tellua("retry", "locked")
is_whole("locked", "... and a retry")


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))


os.remove("moved/merge.done")
shutil.rmtree("moved/merge")
shutil.rmtree("moved/result")
r = tellua("task", "moved", "merge", preexec_fn=few_files)
ok(r.status == 0 and tap.read("moved/result/o.tif") == REF, "64 segments merged with 48 descriptors", r)

# --- a scheduler that does not answer ---------------------------------------------------------------------
submit("silent", "--on", "htcondor", "--tasks", "2", "--dry-run")
tap.write("silent/state.json", json.dumps({"state": "running", "started": 1}))
alone = tap.environment(PATH="/nowhere")  # where there is no condor_q
r = tellua("status", "silent", env=alone)
ok(r.status != 0 and "condor_q" in r.err, "status of a job whose scheduler does not answer says so", r)
p = tap.start("wait", "silent", env=alone)
until("wait says so, too", lambda: b"; asking again\n" in os.pread(p.tap[2].fileno(), 10000, 0))
tap.write("silent/merge.done", "{}")
r = tap.finish(p, limit=LIMIT)
ok(r.status == 0, "... and goes on until the job is done", r)

# --- machines -----------------------------------------------------------------------------------------------
submit("far", "--tasks", "2", "--dry-run")
tap.write("far/state.json", json.dumps({"state": "running", "running": {}, "held": {}, "started": 1}))
tap.write("far/engine.pid", "1 1 elsewhere\n")
s = status("far")
ok(s["state"] == "running" and "elsewhere" in s["reason"], "an engine of another machine is not said to be gone", s)
r = tellua("retry", "far")
ok(r.status == 0 and not os.path.exists("far/engine.log"), "... retry starts no second one", r)
r = tellua("hold", "far")
ok(r.status == 0 and json.loads(tap.read("far/control.json"))["want"] == "hold", "... what is wanted is written for it", r)
os.remove("far/engine.pid")
tellua("retry", "far")
is_whole("far", "... until somebody knows better")

tap.done()
