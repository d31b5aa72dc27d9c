#!/usr/bin/python3
# tellua index: what it prints, how it fails, and that it may be killed. SPDX-License-Identifier: MIT
# test-timeout: 300
import json
import os
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap
from tap import ok, tellua

os.chdir(os.environ.get("TMPDIR", "/tmp"))
HEAD = "id,collection,tile,datetime,cloud,west,south,east,north,href,asset:B04,orbit\n"


def rows(first, last, cloud=5):
    for i in range(first, last):
        lon, lat = (i * 7) % 358 - 180, (i * 3) % 160 - 80
        yield "scene-%07d,s2,T%02d,20%02d-%02d-%02dT10:00:00Z,%g,%d,%d,%d,%d,http://h/%d/,B04.tif,%d\n" % (
            i, i % 60, 10 + i % 13, 1 + i % 12, 1 + i % 28, (i + cloud) % 100, lon, lat, lon + 1, lat + 1, i, i % 143)


def scenes(path):
    """All that the tables hold, without the numbers that rows have by chance of order."""
    db = sqlite3.connect(path)
    got = db.execute("SELECT s.id, s.tile, s.t0, s.cloud, s.w, s.s, s.e, s.n, c.text, a.text, p.text, d.dirs, d.props "
                     "FROM scene s JOIN detail d USING(rid) JOIN word c ON c.wid = s.collection "
                     "JOIN word a ON a.wid = d.layout JOIN word p ON p.wid = d.shape ORDER BY s.id").fetchall()
    checks = [db.execute("PRAGMA integrity_check").fetchone()[0], db.execute("SELECT rtreecheck('place')").fetchone()[0]]
    places = db.execute("SELECT count(*) FROM place JOIN scene ON rid = place.id / 2").fetchone()[0]
    db.close()
    return got, checks, places


# --- what it says -----------------------------------------------------------------------------------
tap.write("few.csv", HEAD + "".join(rows(0, 50)))
r = tellua("index", "few.csv", "--to", "few.idx")
ok(r.status == 0 and r.out == "50\n" and "50 new" in r.err, "index prints the number of scenes", r)
r = tellua("index", "few.csv", "--to", "few.idx", "--json", "--quiet")
j = json.loads(r.out or "{}")
ok(r.status == 0 and (j.get("scenes"), j.get("new"), j.get("changed"), j.get("unchanged")) == (50, 0, 0, 50)
   and j.get("bytes") == os.path.getsize("few.idx") and not r.err, "run again it changes nothing, and --json says so", r)
tap.write("more.csv", HEAD + "".join(rows(40, 60, cloud=6)))
r = tellua("index", "more.csv", "--to", "few.idx", "--json")
j = json.loads(r.out or "{}")
ok((j.get("scenes"), j.get("new"), j.get("changed")) == (60, 10, 10), "scenes of the same id are replaced, new ones added", r)
r = tellua("index", "few.idx", "--to", "copy.idx")
ok(r.out == "60\n" and scenes("copy.idx")[0] == scenes("few.idx")[0], "an index can be copied into another", r)


def fails(sentence, status, args, *words):
    r = tellua("index", *args)
    text = " ".join(r.lines())
    missing = [w for w in words if w not in text]
    ok(r.status == status and len(r.lines()) == 1 and not missing and not r.out, sentence, "missing: %s" % missing, r)


fails("without --to it says what is wanted", 2, ["few.csv"], "--to FILE")
fails("without a source it asks for one", 2, ["--to", "x.idx"], "which source")
fails("a source that is not there is named", 1, ["nowhere.csv", "--to", "x.idx"], "nowhere.csv", "No such file")
fails("what lists no scenes is named", 1, [tap.write("words.dat", "hello\n"), "--to", "x.idx"], "words.dat", "lists scenes")
fails("a file that is no index is not written over", 1, ["few.csv", "--to", "more.csv"], "more.csv", "no index")
fails("a bad line is named by file, line and column", 1,
      [tap.write("bad.csv", HEAD + "a,s2,T1,2020-13-01,1,0,0,1,1,h,,1\n"), "--to", "x.idx"], "bad.csv:2", "datetime", "2020-13-01")
fails("a bad item is named by file, line, item and field", 1,
      [tap.write("bad.ndjson", '{"type":"Feature","id":"q","properties":{"datetime":null},"geometry":null}\n'), "--to", "x.idx"],
      "bad.ndjson:1", "'q'", "properties.datetime")
fails("an unknown option of a reader is named", 2, ["few.csv", "--to", "x.idx", "--pattern", "*.tif"], "pattern")
with open("junk.ndjson", "wb") as f:
    for _ in range(100):
        f.write(b"x" * 2**20)
r = tellua("index", "junk.ndjson", "--to", "y.idx")
ok(r.status == 1 and "junk.ndjson:1" in r.err and (tap.SANITIZED or r.rss < 400 * 2**20),
   "100 MB of junk is one error in bounded memory", r)

# --- one writer -------------------------------------------------------------------------------------
held = sqlite3.connect("few.idx", isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
fails("an index that another process writes is left alone, to be tried again", 75, ["few.csv", "--to", "few.idx"], "another process")
held.rollback()
held.close()

# --- killed -----------------------------------------------------------------------------------------
N = 330000
with open("many.csv", "w") as f:
    f.write(HEAD)
    f.writelines(rows(0, N))
r = tellua("index", "many.csv", "--to", "whole.idx", limit=200)
whole = scenes("whole.idx")
ok(r.status == 0 and len(whole[0]) == N and whole[1] == ["ok", "ok"] and whole[2] == N,
   "a large table is indexed, and its tree of places is sound", r, whole[1:])
killed = unfinished = 0
for part in (0.2, 0.5, 0.8):
    p = tap.start("index", "many.csv", "--to", "killed.idx")
    enough = os.path.getsize("whole.idx") * part
    while p.poll() is None and not (os.path.exists("killed.idx") and os.path.getsize("killed.idx") >= enough):
        pass
    if p.poll() is None:
        p.send_signal(signal.SIGKILL)
        r = tap.finish(p)
        killed += r.status == -signal.SIGKILL
    r = tellua("index", "killed.idx", "--to", "z.idx")
    unfinished += r.status == 1 and "not finished" in r.err
ok(killed > 0, "the run was killed on its way (%d times)" % killed)
r = tellua("index", "many.csv", "--to", "killed.idx", limit=200)
again = scenes("killed.idx")
ok(r.status == 0 and again[0] == whole[0] and again[1] == ["ok", "ok"] and again[2] == N,
   "run again after being killed it has the same scenes", r, again[1:], len(again[0]))
ok(unfinished > 0, "an index whose making was killed says so when it is read (%d of %d)" % (unfinished, killed))

p = tap.start("index", "many.csv", "--to", "stopped.idx")
while p.poll() is None and not os.path.exists("stopped.idx"):
    pass
p.send_signal(signal.SIGINT)
r = tap.finish(p)
ok(r.status == 130 and "interrupted" in r.err, "Ctrl-C ends it with 130", r)
tap.done()
