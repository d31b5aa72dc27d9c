# Remote files: a real nginx on loopback serves COGs by ranges; how many requests a tile takes, also
# when some are refused and when a connection is cut half-way. SPDX-License-Identifier: MIT
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

from tap import gdal, np, ok, note, done, tellua, write, Raster, differ, SCRATCH

NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if os.path.exists("/usr/sbin/nginx") else None)
if not NGINX:
    print("1..0 # SKIP needs nginx")
    raise SystemExit(0)
HERE = tempfile.mkdtemp(dir=SCRATCH)
DATA = os.path.join(HERE, "data")
os.mkdir(DATA)
rng = np.random.default_rng(4)


class Server:
    """nginx on a socket that was bound here, so that no port is fixed and none is lost in between."""

    def __init__(self, extra=""):
        self.top = tempfile.mkdtemp(dir=HERE)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        self.port = listening.getsockname()[1]
        self.log = os.path.join(self.top, "access.log")
        conf = os.path.join(self.top, "nginx.conf")
        with open(conf, "w") as f:
            f.write("""daemon off; worker_processes 1; %(u)s pid %(t)s/pid; error_log %(t)s/error.log;
events {} http { log_format f '$request_method $uri $status $body_bytes_sent "$http_range"';
access_log %(t)s/access.log f; client_body_temp_path %(t)s/b; proxy_temp_path %(t)s/p;
fastcgi_temp_path %(t)s/f; uwsgi_temp_path %(t)s/u; scgi_temp_path %(t)s/s;
split_clients "$request_id" $unlucky { 5%% 1; * 0; }
server { listen 127.0.0.1:%(p)d; root %(d)s; %(x)s } }""" % dict(t=self.top, u="user root;" if os.geteuid() == 0 else "", p=self.port, d=DATA, x=extra))
        env = dict(os.environ, NGINX="%d;" % listening.fileno())
        self.process = subprocess.Popen([NGINX, "-c", conf, "-p", self.top, "-e", self.top + "/error.log"],
                                        env=env, pass_fds=[listening.fileno()])
        listening.close()

    def url(self, name, port=None):
        return "/vsicurl/http://127.0.0.1:%d/%s" % (port or self.port, name)

    def requests(self):
        """Requests since the last call: (method, status, bytes, first byte asked for)."""
        with open(self.log) as f:
            lines = f.read().splitlines()
        found = []
        for line in lines[getattr(self, "seen", 0):]:
            m = re.match(r'(\S+) (\S+) (\d+) (\d+) "(?:bytes=(\d+)-.*|-?)"', line)
            found.append((m[1], int(m[3]), int(m[4]), int(m[5] or 0)))
        self.seen = len(lines)
        return found

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Cutter(threading.Thread):
    """Passes connections on; of those whose answers exceed `least` bytes the first few are cut."""

    def __init__(self, port, least, cuts):
        super().__init__(daemon=True)
        self.to, self.least, self.left, self.cut = port, least, cuts, 0
        self.listening = socket.socket()
        self.listening.bind(("127.0.0.1", 0))
        self.listening.listen(64)
        self.port = self.listening.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, True), daemon=True).start()

    def pump(self, source, target, answers):
        sent = 0
        try:
            while True:
                data = source.recv(4096)
                if not data:
                    break
                sent += len(data)
                if answers and self.left > 0 and sent > self.least:
                    self.left -= 1
                    self.cut += 1
                    target.sendall(data[:len(data) // 2])
                    break
                target.sendall(data)
        except OSError:
            pass
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def cog(name, size=2048):
    a = (rng.integers(0, 4000, (size // 8, size // 8)).repeat(8, 0).repeat(8, 1)
         + rng.integers(0, 300, (size, size))).astype("uint16")
    plain = write(os.path.join(HERE, "plain.tif"), [a])
    path = os.path.join(DATA, name)
    gdal.Translate(path, plain, format="COG", creationOptions=["BLOCKSIZE=512", "COMPRESS=DEFLATE"])
    return path


def script(paths):
    path = os.path.join(HERE, "sum.lua")
    with open(path, "w") as f:
        f.write("local s = Image{%s}\noutput('sum', s[1] + 2 * s[2], {dtype = 'int32'})\n"
                % ", ".join('"%s"' % p for p in paths))
    return path


names = ["B04.tif", "B08.tif"]
local = [cog(n) for n in names]
want = Raster(local[0]).values[0].astype("i4") + 2 * Raster(local[1]).values[0].astype("i4")

server = Server()
sizes = [os.path.getsize(p) for p in local]
tellua("run", script([server.url(n) for n in names]), "--window", "512,512,512,512", "--out", HERE)
got = Raster(os.path.join(HERE, "sum.tif"))
ok(differ(want[512:1024, 512:1024], got.values[0]) == "", "one tile over HTTP has the pixels of the files")
r = server.requests()
header = [x for x in r if x[0] == "HEAD" or x[3] == 0]
tiles = [x for x in r if x not in header]
note("%d requests about headers, %d for the tile, %d bytes; %r" % (
    len(header), len(tiles), sum(x[2] for x in r if x[0] == "GET"), tiles))
ok(len(tiles) <= 3 * len(names), "at most 3 requests a band once the header is there", r)
ok(len(header) <= 2 * len(names), "and at most 2 for each header", r)
ok(sum(x[2] for x in tiles) < 1.3 * sum(sizes) * 512 * 512 / 2048 ** 2,
   "no more bytes than some 1.3 times the tile's share of the files", (tiles, sizes))
tellua("view", script([server.url(n) for n in names]), "--size", "128x128", "--png", os.path.join(HERE, "v.png"))
r = server.requests()
ok(sum(x[2] for x in r if x[0] == "GET") < 0.2 * sum(sizes), "a small view reads overviews, not the whole files", r)
server.stop()

server = Server("if ($unlucky) { return 503; }")
tellua("run", script([server.url(n) for n in names]), "--out", HERE, "--threads", "2")
r = server.requests()
refused = sum(x[1] == 503 for x in r)
got = Raster(os.path.join(HERE, "sum.tif"))
ok(differ(want, got.values[0]) == "", "5 %% of answers being 503 (%d of %d) changes no pixel" % (refused, len(r)))
good = [x for x in r if x[0] == "GET" and x[1] in (200, 206)]
ok(sum(x[2] for x in good) < 1.5 * sum(sizes), "and makes nothing be fetched over and over",
   (sum(x[2] for x in good), sizes))

for least in (30000, 200000):
    cutter = Cutter(server.port, least, 2)
    tellua("run", script([server.url(n, cutter.port) for n in names]), "--out", HERE, "--threads", "2")
    got = Raster(os.path.join(HERE, "sum.tif"))
    ok(differ(want, got.values[0]) == "", "connections cut half-way (after %d bytes, %d of them) change no pixel"
       % (least, cutter.cut))
    ok(cutter.cut == 2, "and they were cut", cutter.cut)
    cutter.listening.close()
server.stop()

server = Server("return 404;")
_, err = tellua("run", script([server.url(n) for n in names]), "--out", HERE, expect=1)
ok("404" in err and "B04.tif" in err, "a missing file is an error that names it and says 404", err)
server.stop()
server = Server("return 503;")
_, err = tellua("run", script([server.url(n) for n in names]), "--out", HERE, expect=75)
ok("B04.tif" in err and "503" in err, "a server that always says 503 ends in exit 75, by name", err)
server.stop()
shutil.rmtree(HERE)
done()
