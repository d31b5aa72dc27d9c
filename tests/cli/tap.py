# What the tests of the program in Python share. SPDX-License-Identifier: MIT
import os
import subprocess
import sys
import tempfile
import threading
import time

TELLUA = os.environ.get("TELLUA") or os.path.abspath("build/release/tellua")
SHARED = os.environ.get("TELLUA_SHARED")
CONFIG = os.environ.get("CONFIG", "release")
BUILD_C = os.path.join(os.environ.get("BUILD") or os.path.abspath("build/release"), "tests/c")
SANITIZED = CONFIG in ("asan", "tsan")
SLOWER = {"asan": 4, "tsan": 10}.get(CONFIG, 1) * float(os.environ.get("TEST_TIMEOUT_FACTOR", "1"))

_count = 0
_failed = 0
_lock = threading.Lock()


def ok(good, sentence, *notes):
    """One line of TAP; notes are shown when it is not good."""
    global _count, _failed
    with _lock:
        _count += 1
        print("%s %d - %s" % ("ok" if good else "not ok", _count, sentence.replace("#", "no.")))
        if not good:
            _failed += 1
            for note in notes:
                for line in str(note).splitlines()[:40]:
                    print("# " + line[:600])
        sys.stdout.flush()
    return good


def note(text):
    print("# " + text)
    sys.stdout.flush()


def skip(sentence, why):
    global _count
    _count += 1
    print("ok %d - %s # SKIP %s" % (_count, sentence, why))


def skip_all(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def done():
    print("1..%d" % _count)
    sys.exit(1 if _failed else 0)


class Ended:
    """How a process ended: status (-N = signal N), out, err, seconds, rss in bytes."""

    def __init__(self, args, status, out, err, seconds, rss, late):
        self.args, self.status, self.out, self.err = args, status, out, err
        self.seconds, self.rss, self.late = seconds, rss, late

    def lines(self):
        """Lines of stderr that are neither warnings nor the summary of a run."""
        return [s for s in self.err.splitlines() if s and not s.startswith("tellua: warning: ") and " cells in " not in s]

    def __str__(self):
        return "%s\nstatus %s, %.2f s, %.0f MiB%s\nstdout: %s\nstderr: %s" % (
            " ".join(self.args), self.status, self.seconds, self.rss / 2**20,
            ", KILLED: too late" if self.late else "", self.out[-2000:], self.err[-3000:])


def environment(**more):
    env = dict(os.environ, TELLUA_LEAKCHECK="1", PROJ_NETWORK="OFF")
    env.update(more)
    return env


def start(*args, **popen):
    """A tellua in the background, output to files; hand it to finish()."""
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    popen.setdefault("env", environment())
    popen.setdefault("stdin", subprocess.DEVNULL)
    popen.setdefault("stdout", out)
    program = popen.pop("program", [TELLUA])
    p = subprocess.Popen(program + list(args), stderr=err, **popen)
    p.tap = (list(args), out, err, time.monotonic())
    return p


def finish(p, limit=60):
    args, out, err, began = p.tap
    late = threading.Event()

    def too_late():
        late.set()
        p.kill()

    timer = threading.Timer(limit * SLOWER, too_late)
    timer.start()
    _, status, usage = os.wait4(p.pid, 0)
    timer.cancel()
    p.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    texts = []
    for f in (out, err):
        f.seek(0)
        texts.append(f.read().decode("utf-8", "replace"))
        f.close()
    return Ended(args, p.returncode, texts[0], texts[1], time.monotonic() - began, usage.ru_maxrss * 1024, late.is_set())


def tellua(*args, limit=60, **popen):
    return finish(start(*args, **popen), limit)


def write(path, text):
    mode = "wb" if isinstance(text, bytes) else "w"
    with open(path, mode) as f:
        f.write(text)
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def script(text, name="script.lua"):
    return write(os.path.join(os.environ.get("TMPDIR", "/tmp"), name), text)
