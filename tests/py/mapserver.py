# A running `tellua serve`, for tests. SPDX-License-Identifier: MIT
import json
import math
import os
import subprocess
import tempfile
import urllib.error
import urllib.request

HALF = 20037508.342789244


class Server:
    def __init__(self, *args, env=None, tellua=None):
        self.errors = tempfile.TemporaryFile("w+")
        more = dict(os.environ, TELLUA_LEAKCHECK="1", **(env or {}))
        program = tellua or os.environ.get("TELLUA", "build/release/tellua")
        self.process = subprocess.Popen([program, "serve", "--port", "0"] + [str(a) for a in args], env=more,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("serve did not start: " + self.stderr())
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read()

    def get(self, path, headers=None, data=None):
        """(status, headers, body) of a GET, or a POST of data."""
        if data is not None and not isinstance(data, bytes):
            data = json.dumps(data).encode()
        head = dict(headers or {})
        if data is not None:
            head.setdefault("Content-Type", "application/json")
        r = urllib.request.Request(self.url + path, data=data, headers=head)
        try:
            with urllib.request.urlopen(r, timeout=120) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def json(self, path, data=None, expect=200):
        status, _, body = self.get(path, data=data)
        if status != expect:
            raise RuntimeError("%s: %d, not %d: %r" % (path, status, expect, body[:400]))
        return json.loads(body)

    def metrics(self):
        out = {}
        for line in self.get("metrics")[2].decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                out[name] = float(value)
        return out

    def layers(self):
        return {l["name"]: l for a in self.json("layers")["apps"] for l in a["layers"]}

    def stop(self):
        """The exit status after SIGTERM; 99 is a leak."""
        self.process.terminate()
        self.process.stdout.close()
        return self.process.wait(timeout=120)


def tile_at(lon, lat, z):
    n = 2 ** z
    return z, int((lon + 180) / 360 * n), int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)


def middle_of(z, x, y, side=256):
    """Longitude, latitude a quarter of a cell south-east of the tile's middle, so that rounding plays no part."""
    cell = 2 * HALF / 2 ** z / side
    mx = -HALF + (x + 0.5) * side * cell + cell / 4
    my = HALF - (y + 0.5) * side * cell - cell / 4
    return mx / HALF * 180, math.degrees(math.atan(math.sinh(my / 6378137)))
