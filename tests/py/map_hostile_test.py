#!/usr/bin/python3
"""Ten thousand requests that are none: the server answers 4xx or closes, and goes on.
test-timeout: 600. SPDX-License-Identifier: MIT"""
import os
import random
import re
import shutil
import socket
import tempfile
import threading

from tap import done, note, np, ok, write
from mapserver import Server

seed = int(os.environ.get("TELLUA_SEED", "20240611"))
number = int(os.environ.get("TELLUA_HOSTILE", "10000" if os.environ.get("CONFIG", "release") == "release" else "2000"))
note("seed %d, %d requests" % (seed, number))
top = tempfile.mkdtemp(prefix="hostile-")
secret = os.path.join(top, "secret.txt")
with open(secret, "w") as f:
    f.write("the-secret-of-this-test")
data = os.path.join(top, "data")
os.makedirs(data)
scene = write(os.path.join(data, "scene.tif"), [np.arange(40000, dtype="uint16").reshape(200, 200) + 1], names=["B1"])
script = os.path.join(top, "s.lua")
with open(script, "w") as f:
    f.write('local n = param("n", 1, {min = 0, max = 9})\noutput("x", Image "%s" * n, {ramp = "gray"})' % scene)
server = Server(script, "--root", data, "--store", os.path.join(top, "plans"))
key = server.layers()["x"]["key"]

TRICKS = ["../", "..%2f", "%2e%2e/", "....//", "/etc/passwd", "//etc/passwd", "%00", "\\..\\", "file://" + secret, "leaflet/../map.css",
          "leaflet/%2e%2e/%2e%2e/etc/passwd", "tiles/..%2f..%2f" + secret, secret, "plans/../../" + secret, "~root", "%", "%zz", "%c0%ae%c0%ae/",
          "?" * 50, "#", ";", "\u00e4\u0416", "tiles", "tiles/", "tiles//////", "index.html", ".git/config", "map.js.c"]
NUMBERS = ["-1", "0", "1", "99999999999999999999", "-99999999999", "1e5", "0x10", "NaN", "inf", "", " 1", "1 ", "1.5", "2147483648", "9223372036854775808",
           "25", "24", "\u0661", "1\x01"]
METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT", b"get", b"GE T", b"", b"X" * 300, b"\x00", b"PRI"]
WORDS = ["tiles", "tilejson", "layers", "identify", "series", "histogram", "legend", "wmts", "style", "apps", "plans", "area", "jobs", "healthz",
         "metrics", "nothing"]
JSON = [b"{}", b"[]", b"null", b"{", b'{"params":{"n":{"a":1}}}', b'{"params":{"n":99}}', b'{"params":[1]}', b'{"a":1,"a":2}', b"[" * 5000,
        b'{"x":' * 3000, b'{"plan":{"format":1,"sources":[{"uri":"/etc/passwd"}]}}', b'{"plan":7}', b'{"key":5,"plan":{}}', b"\xff\xfe", b'"' + b"a" * 9000,
        b'{"ramp":"viridis","min":1e999}', b'{"ramp":{"a":[]}}', b'{"palette":[[[[1]]]]}', b'{"min":"x"}', b'{"params":{"n":"1; os.exit()"}}',
        b'{"format":1,"nodes":[{"op":"add","args":[0,1]}],"sources":[],"outputs":[{"name":"../x"}]}',
        b'{"format":1,"sources":[{"uri":"' + secret.encode() + b'","size":[1,1],"bands":["uint8"]}],"nodes":[],"outputs":[]}']
rng = random.Random(seed)


def bytes_of(n):
    return bytes(rng.randrange(256) for _ in range(n))


def head(path, method=b"GET", extra=b"", version=b"HTTP/1.1"):
    return method + b" " + path + b" " + version + b"\r\nHost: localhost\r\n" + extra + b"\r\n"


def text(s):
    return s.encode("utf-8", "replace")


def noise():
    return bytes_of(rng.randrange(1, 400)) + rng.choice([b"", b"\r\n\r\n"])


def flipped():
    b = bytearray(head(b"/tiles/x/9/277/183.png", extra=b"Accept: */*\r\nIf-None-Match: \"x\"\r\n"))
    for _ in range(rng.randrange(1, 6)):
        b[rng.randrange(len(b))] = rng.randrange(256)
    return bytes(b)


def path_trick():
    return head(b"/" + text(rng.choice(["", "tiles/", "leaflet/", "plans/", "legend/", "tilejson/"]) + "".join(rng.choice(TRICKS) for _ in range(rng.randrange(1, 5)))))


def tile_numbers():
    layer = rng.choice(["x", key, "none", "a" * 300, key[:-1] + "g", "", ".."])
    end = rng.choice([".png", ".webp", ".gif", "", ".png.png", "@2x.png", "@3x.png", "@-1x.png", ".png?t=" + rng.choice(NUMBERS)])
    return head(text("/tiles/%s/%s/%s/%s%s" % (layer, rng.choice(NUMBERS), rng.choice(NUMBERS), rng.choice(NUMBERS), end)))


def query():
    names = ["layer", "lon", "lat", "zoom", "t", "bbox", "bins"]
    values = NUMBERS + ["x", key, "1,2,3,4", "1,2,3", "4,3,2,1", "-1e300,0,1e300,1", "x" * 3000]
    return head(text("/%s?%s" % (rng.choice(WORDS), "&".join("%s=%s" % (rng.choice(names), rng.choice(values)) for _ in range(rng.randrange(8))))))


def body():
    b = rng.choice(JSON + [bytes_of(200)])
    length = rng.choice([str(len(b)), str(len(b)), str(len(b)), "-5", "99999999999999999999", "7x", "9000000", str(len(b) + 10)])
    kind = rng.choice([b"application/json", b"application/json", b"text/plain", b"", b"multipart/form-data; boundary=x"])
    path = rng.choice(["/plans", "/apps/s", "/apps/" + "x" * 100, "/style/x", "/style/" + key, "/area", "/tiles/x/1/1/1.png", "/layers"])
    return head(text(path), b"POST", b"Content-Type: " + kind + b"\r\nContent-Length: " + text(length) + b"\r\n") + b


def chunked():
    parts = rng.choice([b"5\r\n{\"a\":\r\n0\r\n\r\n", b"zz\r\nabc", b"ffffffffffffffff\r\nabc", b"-1\r\n\r\n", b"5\r\nab"])
    return head(b"/area", b"POST", b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") + parts


def big_header():
    kind = rng.randrange(4)
    if kind == 0:
        return head(b"/layers", extra=b"X-A: " + b"a" * rng.choice([1000, 30000, 200000]) + b"\r\n")
    if kind == 1:
        return head(b"/layers", extra=b"".join(b"X-%d: 1\r\n" % i for i in range(rng.choice([50, 2000]))))
    if kind == 2:
        return head(b"/" + b"a" * rng.choice([5000, 100000]))
    return head(b"/layers", extra=bytes_of(40).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n")


def method():
    return head(b"/" + text(rng.choice(WORDS)), rng.choice(METHODS), version=rng.choice([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/9.9", b"", b"FTP/1.0"]))


KINDS = [noise, flipped, path_trick, tile_numbers, query, body, chunked, big_header, method]
bad, counts, leaks = [], {}, []


def answer_of(s):
    got = b""
    try:
        while len(got) < 300000:
            part = s.recv(65536)
            if not part:
                break
            got += part
            if b"\r\n\r\n" in got:
                h, rest = got.split(b"\r\n\r\n", 1)
                n = re.search(rb"(?i)content-length: (\d+)", h)
                if n and len(rest) >= int(n.group(1)):
                    break
    except (ConnectionError, socket.timeout) as e:
        return got, type(e).__name__
    return got, ""


lock = threading.Lock()


def exchange(i, request):
    """What came back, and whether it was waited for."""
    s = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    try:
        try:
            s.sendall(request)
            if i % 7 != 3:
                s.shutdown(socket.SHUT_WR)  # half closed: whatever is missing will not come
        except OSError:
            pass
        if i % 11 == 5:
            return b"", False
        if i % 7 == 3:
            s.settimeout(0.3)
        return answer_of(s)[0], True
    finally:
        s.close()


def one(i, kind, request):
    got, waited = exchange(i, request)
    status = got[9:12].decode("latin-1") if got.startswith(b"HTTP/1.") else "raw" if got else "closed" if waited else "left"
    fine = status in ("200", "304", "closed", "left", "501", "503", "505") or status.startswith("4")
    with lock:
        counts[status] = counts.get(status, 0) + 1
        if b"the-secret-of-this-test" in got or b"root:" in got:
            leaks.append(request)
        if not fine or server.process.poll() is not None:
            bad.append((kind, status, request[:300], got[:200]))


work = []
for i in range(number):
    kind = KINDS[i % len(KINDS)]
    work.append((i, kind.__name__, kind()))


def worker():
    while True:
        with lock:
            if not work or server.process.poll() is not None:
                return
            item = work.pop()
        one(*item)


threads = [threading.Thread(target=worker) for _ in range(40)]
for t in threads:
    t.start()
for t in threads:
    t.join()
note("answers: " + ", ".join("%s %d" % kv for kv in sorted(counts.items())))
ok(server.process.poll() is None, "the server lives", server.stderr()[-2000:])
ok(not bad, "each was answered 4xx, by what it asked for, or closed", "\n".join(map(repr, bad[:6])))
ok(not leaks, "nothing outside of the declared folders came back", leaks[:3])
ok(server.json("healthz")["status"] == "ok" and server.get("tiles/x/9/277/183.png")[0] == 200, "and it still serves")

# Senders that never finish: dripping bytes, and silence. Others are served all the while.
slow = [socket.create_connection(("127.0.0.1", server.port), timeout=90) for _ in range(60)]
stop = threading.Event()


def drip():
    k = 0
    while not stop.wait(0.2):
        for s in slow[:30]:
            try:
                s.sendall(b"GET /layers HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"[k:k + 1] or b"a")
            except OSError:
                pass
        k += 1


thread = threading.Thread(target=drip)
thread.start()
ok(server.json("healthz")["status"] == "ok", "slow senders keep nobody else waiting")
ended = 0
for s in slow:
    s.settimeout(60)
    try:
        ended += s.recv(1000) == b"" or True
    except ConnectionError:
        ended += 1
    except socket.timeout:
        pass
stop.set()
thread.join()
ok(ended == len(slow), "and are closed after some time", "%d of %d" % (ended, len(slow)))
for s in slow:
    s.close()
status = server.stop()
ok(status == 0, "it ends well", "%d: %s" % (status, server.stderr()[-2000:]))
shutil.rmtree(top)
done()
