# A pool of real schedulers for tests: see tests/pool/pool.sh. SPDX-License-Identifier: MIT
import atexit
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
import tap
from gate import Gate

POOL = os.path.join(HERE, "..", "pool", "pool.sh")
SHARED = "/shared/w"  # what all nodes see


def why_not():
    """Why there can be no pool here, or None."""
    if os.geteuid() != 0:
        return "only root can make a pool"
    if tap.SANITIZED or "clang" in os.environ.get("CC", ""):
        return "the pool runs a build of its own, by gcc"
    if subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], capture_output=True).returncode:
        return "namespaces cannot be made here"
    tree = subprocess.run([os.path.join(HERE, "..", "pool", "rootfs.sh"), "--path"], capture_output=True, text=True)
    if not os.path.exists(tree.stdout.strip() + "/.complete"):
        return "there is no Debian tree for the pool: `make deps-pool` builds it"
    return None


class Ended:
    def __init__(self, p, args, seconds):
        self.status, self.out, self.err, self.args, self.seconds = p.returncode, p.stdout, p.stderr, args, seconds

    def __str__(self):
        return "%s\nstatus %s, %.1f s\n%s\n%s" % (" ".join(self.args), self.status, self.seconds, self.out[-1500:], self.err[-1500:])


class Pool:
    def __init__(self, binds, nodes=3, cpus=4):
        self.env = dict(os.environ, TELLUA_POOL_NAME="t%d" % os.getpid(), TELLUA_POOL_BINDS=binds,
                        TELLUA_POOL_CPUS=str(cpus))
        atexit.register(self.sh, "down")
        began = time.monotonic()
        r = self.sh("build")
        if r.status:
            print("Bail out! the pool's Tellua cannot be built: " + r.err[-500:].replace("\n", " "))
            sys.exit(1)
        tap.note("built in %.0f s" % (time.monotonic() - began))
        began = time.monotonic()
        r = self.sh("up", str(nodes))
        if r.status:
            print("Bail out! the pool does not come up: " + r.err[-800:].replace("\n", " "))
            sys.exit(1)
        tap.note("%d nodes up in %.0f s" % (nodes, time.monotonic() - began))
        self.root("cm", "sh", "-c", "install -d -m 1777 " + SHARED)

    def sh(self, *args, limit=300):
        began = time.monotonic()
        p = subprocess.run([POOL] + list(args), env=self.env, capture_output=True, text=True, errors="replace",
                           timeout=limit, stdin=subprocess.DEVNULL)
        return Ended(p, list(args), time.monotonic() - began)

    def root(self, node, *command):
        return self.sh("exec", node, "root", "/", *command)

    def user(self, *command, limit=120):
        """On the submit host, as an ordinary user, in the folder that all nodes see."""
        return self.sh("exec", "cm", "tellua", SHARED, *command, limit=limit)

    def tellua(self, *args, limit=120):
        return self.user("tellua", *args, limit=limit)

    def write(self, name, text):
        p = subprocess.run([POOL, "exec", "cm", "tellua", SHARED, "sh", "-c", "cat >" + name], env=self.env,
                           input=text, text=True)
        assert p.returncode == 0
        return name

    def address(self, node):
        return self.sh("address", node).out.strip()

    def gate(self, files, folder, name):
        """folder/NAME.vrt, whose blocks nodes get when the test says so."""
        return Gate(files, "%s/%s.vrt" % (folder, name), self.env["TELLUA_POOL_NAME"] + "-cm", self.address("cm"))

    def status(self, job):
        r = self.tellua("status", job, "--json")
        try:
            return json.loads(r.out)
        except ValueError:
            return {"state": "?", "error": str(r), "running": 0, "done": 0, "held": 0, "total": 0, "reason": ""}

    def until(self, job, what, condition, limit=90):
        end = time.monotonic() + limit
        while True:
            s = self.status(job)
            if condition(s) or time.monotonic() > end:
                tap.ok(condition(s), "%s: %s" % (job, what), s)
                return s
            time.sleep(0.3)

    def submit(self, job, on, script, *more):
        r = self.tellua("submit", script, "--on", on, "--job", job, "--backoff", "1", "--quiet", *more)
        tap.ok(r.status == 0, "%s is submitted to %s" % (job, on), r)

    def same(self, job, ref, sentence, limit=150):
        r = self.user(
            "timeout", str(limit), "tellua", "wait", job, "--quiet", limit=limit + 60)
        c = self.user("cmp", job + "/result/o.tif", ref + "/o.tif")
        return tap.ok(r.status == 0 and c.status == 0, "%s: the bytes of `tellua run`" % sentence, r, c, self.status(job),
                      self.user("sh", "-c", 'tail -n 3 "$0"/tasks/*/*.err "$0"/merge.err | tail -n 40', job).out,
                      self.user("sh", "-c", "condor_q -nobatch; cat \"$0\"/htcondor/*.log | grep -v '^\t' | tail -n 40", job).out)

    def endings(self, job):
        """The .done files of a job's tasks."""
        r = self.user("sh", "-c", "cat %s/tasks/*/*.done" % job)
        text, found = r.out.strip(), []
        while text:
            one, end = json.JSONDecoder().raw_decode(text)
            found.append(one)
            text = text[end:].lstrip()
        return found
