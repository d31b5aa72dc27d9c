#!/usr/bin/python3
"""Ten minutes of local jobs that are killed and steered at random, looked at and waited for meanwhile.

SECONDS=600 TELLUA_SEED=7 soak_jobs.py; exit 0 when each job came to its end with the bytes of a run, by no more than
what status told to do, and left no process. SPDX-License-Identifier: MIT"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "cli"))
from tap import TELLUA, read, tellua, write  # noqa: E402

seconds, seed = float(os.environ.get("SECONDS", "600")), int(os.environ.get("TELLUA_SEED", "7"))
print("seed %d, %g s" % (seed, seconds), flush=True)
draw = random.Random(seed)
top = tempfile.mkdtemp(prefix="soak-")
os.chdir(top)
os.environ["XDG_STATE_HOME"] = top + "/state"
subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "noise.py"), "in.tif", "640", "1"],
               check=True)
LOOPS = {"quick": 3, "slow": 300}
for name, n in LOOPS.items():
    write(name + ".lua", """
local function f(B1) local s = 0.0 for i = 1, %d do s = s + B1 * i %% 7 end return s end
output("o", Image("in.tif"):execute(f), {tile = 64})
""" % n)
    r = tellua("run", name + ".lua", "--out", name, "--quiet")
    assert r.status == 0, r
NEXT = {"held": "release", "suspended": "resume", "stopped": "retry", "cancelled": "retry", "failed": "retry"}
wrong = []


def processes(job):
    """{pid: task, "engine" or "merge"} of a job."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = read("/proc/%s/cmdline" % pid).decode().split("\0")
            dead = read("/proc/%s/stat" % pid).decode().rsplit(")", 1)[1].split()[0] in "ZX"
        except OSError:
            continue
        if words[1:3] == ["task", job] and not dead:
            found[int(pid)] = words[3]
    return found


def status(job):
    r = tellua("status", job, "--json")
    return json.loads(r.out) if r.status == 0 else {"state": str(r), "running": 0, "done": 0}


def say(job, what, *more):
    wrong.append(what)
    print("WRONG %s: %s\n%s\n%s" % (job, what, "\n".join(map(str, more)), read(job + "/engine.log")[-1000:].decode()), flush=True)


def strike(job, how):
    at = processes(job)
    engines, tasks = [p for p in at if at[p] == "engine"], [p for p in at if at[p] != "engine"]
    victims = {"engine": engines, "task": tasks[:1], "all": list(at), "suspended engine": engines, "TERM": engines}.get(how)
    if how == "suspended engine":
        tellua("suspend", job)
    if victims is None:
        tellua(how, job)
    for pid in victims or ():
        try:
            os.kill(pid, signal.SIGTERM if how == "TERM" else signal.SIGKILL)
        except ProcessLookupError:
            pass


def bring_to_end(job, did):
    """As a user would who looks again and again, and does what the state asks for."""
    end = time.monotonic() + 120
    s = status(job)
    while s["state"] != "done" and time.monotonic() < end:
        if s["state"] in NEXT:
            tellua(NEXT[s["state"]], job)
        time.sleep(0.2)
        s = status(job)
    r = tellua("wait", job, "--quiet")
    if s["state"] != "done" or r.status:
        say(job, "no end after two minutes", did, s, r, processes(job))


def one(job, name):
    tasks = draw.choice((5, 20, 50))
    r = tellua("submit", name + ".lua", "--job", job, "--tasks", str(tasks), "--slots", "3", "--quiet", "--backoff", "0.2")
    if r.status:
        return say(job, "submit", r)
    over, did = threading.Event(), []

    def look():
        while not over.is_set():
            if status(job)["state"] not in set(NEXT) | {"new", "running", "done"}:
                say(job, "status", status(job))
            tellua("jobs")
    looker = threading.Thread(target=look)
    looker.start()
    for _ in range(draw.randint(1, 5)):
        time.sleep(draw.random() * 0.5)
        did.append(draw.choice(("engine", "engine", "task", "all", "suspended engine", "TERM", "suspend", "resume", "hold",
                                "release", "retry", "cancel")))
        strike(job, did[-1])
    bring_to_end(job, did)
    over.set()
    looker.join()
    s = status(job)
    if (s["state"], s["running"], s["done"]) != ("done", 0, tasks) or read(job + "/result/o.tif") != read(name + "/o.tif"):
        say(job, "the end is not that of a run", did, s)
    end = time.monotonic() + 10
    while processes(job) and time.monotonic() < end:
        time.sleep(0.05)
    if processes(job):
        say(job, "it left processes", did, processes(job))
    return shutil.rmtree(job)


end, n = time.monotonic() + seconds, 0
while time.monotonic() < end:
    one("%s/job%d" % (top, n), draw.choice(("quick", "quick", "slow")))
    n += 1
print("%d jobs of %s, %d wrong" % (n, TELLUA, len(wrong)))
if not wrong:
    shutil.rmtree(top)
sys.exit(len(wrong) > 0)
