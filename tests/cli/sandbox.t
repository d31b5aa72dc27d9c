#!/usr/bin/python3
# tellua sandbox over our own attacks and, where present, the whole corpus. SPDX-License-Identifier: MIT
#
# Each file's first line says which verdicts are right. Both profiles, four at a time.
# TELLUA_ONLY=text takes the files whose name has it, TELLUA_AT_ONCE=n another number at a time.
# test-timeout: 600
# test-not-under: asan the corpus runs in workers, which no sanitizer is in; jail_test covers the server's half
import concurrent.futures
import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OWN = sorted(glob.glob(os.path.join(HERE, "escapes", "*.lua")))
CORPUS = sorted(glob.glob(os.path.join(tap.SHARED, "escape_corpus", "*.lua"))) if tap.SHARED else []
ONLY = os.environ.get("TELLUA_ONLY", "")
AT_ONCE = int(os.environ.get("TELLUA_AT_ONCE", "4"))
RUN = re.compile(r"^(first tenant|second tenant|canary): ([a-z-]+), ([0-9.]+) ms, ([0-9.]+) ms CPU")
CAP = {"pixel": 32, "batch": 64}  # MiB
OVERHEAD = 24                     # MiB of a worker's resident memory beside the cap
CANARY_MS = 10


def wanted(path):
    first = open(path, encoding="latin-1").readline()
    return first.split(":", 1)[1].split(";")[0].strip().split("|")


def judge(path, profile, more_time=None):
    """(faults, verdict, is the verdict due to a missing name alone, needed SIGKILL, ms of the canary, overrun of the
    deadline, was given more time)"""
    want = wanted(path)
    r = tap.tellua("sandbox", "--profile", profile, *(["--cpu", str(more_time)] if more_time else []), path, limit=60)
    faults, runs = [], {}
    for line in r.out.splitlines():
        m = RUN.match(line)
        if m:
            runs[m.group(1)] = (m.group(2), float(m.group(3)), float(m.group(4)), line)
    last = (r.out.split() or [""])[-1]
    if r.status or len(runs) != 3:
        faults.append(str(r))
        return faults, last, False, False, 0, 0, False
    # Where a page costs 10 us, the default's time is over before 64 MiB are full. Such a run is as good as any
    # in all else; that the limit of memory holds as well has to show with more time.
    hasty = not more_time and "killed-memory" in want and "killed-time" not in want
    for who in ("first tenant", "second tenant"):
        if runs[who][0] not in want and not (hasty and runs[who][0] == "killed-time"):
            faults.append("%s, wanted %s: %s" % (runs[who][0], "|".join(want), runs[who][3]))
    if runs["canary"][0] != "harmless":
        faults.append(runs["canary"][3])
    for line in r.out.splitlines():
        m = re.search(r"process ([0-9.]+) MiB", line)
        if m and float(m.group(1)) > CAP[profile] + OVERHEAD:
            faults.append("too much memory: " + line)
        m = re.search(r"Lua ([0-9.]+) MiB", line)
        if m and float(m.group(1)) > CAP[profile]:
            faults.append("too much memory of Lua: " + line)
    killed = "SIGKILL" in r.out
    overrun = max(max(0, runs[w][2] - 6000 * (more_time or 0.25)) for w in ("first tenant", "second tenant"))
    vacuous = last == "blocked-error" and "a nil value" in runs["first tenant"][3]
    if hasty and "killed-time" in (runs["first tenant"][0], runs["second tenant"][0]):
        calm = judge(path, profile, 3)
        return (faults + calm[0], *calm[1:4], max(runs["canary"][1], calm[4]), max(overrun, calm[5]), True)
    return faults, last, vacuous, killed, runs["canary"][1], overrun, False


def whole(files, profile, title):
    files = [f for f in files if ONLY in f]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        got = list(pool.map(lambda f: judge(f, profile), files))
    bad = ["%s: %s" % (os.path.basename(f), x) for f, g in zip(files, got) for x in g[0]]
    tap.ok(not bad, "%s, %s profile, %d at a time: every verdict of %d files, twice, is right and the canary lives"
           % (title, profile, AT_ONCE, len(files)), *bad)
    if not files:
        return
    slow = [os.path.basename(f) for f, g in zip(files, got) if g[6]]
    if slow:
        tap.note("more time was given to %s" % ", ".join(slow))
    tap.note("%s, %s: %d blocked only because a name is nil; %d needed SIGKILL; %d crashed"
             % (title, profile, sum(g[2] for g in got), sum(g[3] for g in got), sum(g[1] == "crashed" for g in got)))
    overrun, canaries = max(g[5] for g in got), sorted(g[4] for g in got)
    tap.note("overrun of the hard deadline: %.1f ms CPU at most; canary: median %.2f ms, worst %.2f ms"
             % (overrun, canaries[len(canaries) // 2], canaries[-1]))
    tap.ok(overrun <= 50 * tap.SLOWER, "%s, %s profile: the hard deadline is overrun by at most 50 ms CPU" % (title, profile), overrun)


for profile in ("pixel", "batch"):
    whole(OWN, profile, "our own attacks")
if CORPUS:
    for profile in ("pixel", "batch"):
        whole(CORPUS, profile, "the corpus")
else:
    tap.skip("the corpus", "it is not here")

r = tap.tellua("sandbox", "/nowhere.lua")
tap.ok(r.status == 2 and "cannot open script" in r.err, "a script that is not there is an error of usage", r)
r = tap.tellua("sandbox", "--cpu", "0.05", tap.script("while true do end"))
ms = [float(m.group(4)) for m in map(RUN.match, r.out.splitlines()) if m]
tap.ok(r.out.split()[-1:] == ["killed-time"] and 50 <= ms[0] < 250, "--cpu says how long a run may take", r)
r = tap.tellua("sandbox", "--cpu", "61", OWN[0])
tap.ok(r.status == 2 and "--cpu: '61': seconds above 0, at most 60" in r.err, "and has an end", r)
r = tap.tellua("sandbox", OWN[0], env=tap.environment(TELLUA_WORKER="/nowhere/worker"))
tap.ok(r.status == 78 and "cannot build the jail" in r.err, "without the worker program nothing is run", r)
r = tap.tellua("sandbox", tap.script("x" * (300 << 10)))
tap.ok(r.status == 0 and r.out.split()[-1] == "blocked-error", "a text above the limit is blocked", r)
tap.done()
