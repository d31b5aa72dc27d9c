# A picture whose blocks come when the test says so. SPDX-License-Identifier: MIT
#
# A VRT of N files side by side, each one block, on an HTTP server of the test's own, which stands in
# the network of the pool's submit host. Nodes wait at a block whose gate is closed; who asked for
# what is an event that the test can wait for. So faults strike while a task is in block N, on slow
# machines and fast ones.
import ctypes
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLONE_NEWNET = 0x40000000
EDGE = 256  # cells of a block


def socket_in(namespace, make):
    """What make() returns, called by a thread that stands in a network namespace."""
    libc, out = ctypes.CDLL(None, use_errno=True), []

    def inside():
        with open("/run/netns/" + namespace) as f:
            if libc.setns(f.fileno(), CLONE_NEWNET):
                out.append(OSError(ctypes.get_errno(), "setns"))
                return
        try:
            out.append(make())
        except OSError as e:
            out.append(e)

    t = threading.Thread(target=inside)
    t.start()
    t.join()
    if isinstance(out[0], OSError):
        raise out[0]
    return out[0]


class Gate:
    """folder/NAME.vrt, to be opened as /data/NAME.vrt by nodes; `files`: the bytes of its blocks."""

    def __init__(self, files, vrt, namespace, address):
        self.files, self.n = files, len(files)
        self.lock = threading.Condition()
        self.asked = []  # (node's address, block), each once, in the order in which they came
        self.opened = set(range(self.n))
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_HEAD(self):
                self.answer(False)

            def do_GET(self):
                self.answer(True)

            def answer(self, with_body):
                name = self.path.strip("/").partition(".")[0]
                if not name.isdigit() or int(name) >= gate.n or not self.path.endswith(".tif"):
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                gate.wait_at(self.client_address[0], int(name))
                body = gate.files[int(name)]
                lo, hi = 0, len(body) - 1
                span = self.headers.get("Range", "")
                if span.startswith("bytes="):
                    lo, _, end = span[6:].partition("-")
                    lo, hi = int(lo), min(int(end or hi), hi)
                self.send_response(206 if span else 200)
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Content-Type", "image/tiff")
                self.send_header("Content-Length", str(hi - lo + 1))
                if span:
                    self.send_header("Content-Range", "bytes %d-%d/%d" % (lo, hi, len(body)))
                self.end_headers()
                if with_body:
                    self.wfile.write(body[lo:hi + 1])

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # whoever asked is dead

        self.server = socket_in(namespace, lambda: Server((address, 0), Handler))
        self.submit_host = address
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        with open(vrt, "w") as f:
            f.write(self.picture("http://%s:%d" % (address, self.server.server_address[1])))
        os.chmod(vrt, 0o644)

    def picture(self, base):
        lines = ['<VRTDataset rasterXSize="%d" rasterYSize="%d"><SRS>EPSG:32633</SRS>' % (self.n * EDGE, EDGE),
                 "<GeoTransform>500000, 10, 0, 5000000, 0, -10</GeoTransform>"]
        for band in (1, 2):
            lines.append('<VRTRasterBand dataType="UInt16" band="%d" blockXSize="%d" blockYSize="%d">' % (band, EDGE, EDGE))
            for i in range(self.n):
                lines.append('<SimpleSource><SourceFilename relativeToVRT="0">/vsicurl/%s/%d.tif</SourceFilename>' % (base, i) +
                             '<SourceBand>%d</SourceBand><SourceProperties RasterXSize="%d" RasterYSize="%d" ' % (band, EDGE, EDGE) +
                             'DataType="UInt16" BlockXSize="%d" BlockYSize="%d"/>' % (EDGE, EDGE) +
                             '<SrcRect xOff="0" yOff="0" xSize="%d" ySize="%d"/>' % (EDGE, EDGE) +
                             '<DstRect xOff="%d" yOff="0" xSize="%d" ySize="%d"/></SimpleSource>' % (i * EDGE, EDGE, EDGE))
            lines.append("</VRTRasterBand>")
        return "\n".join(lines + ["</VRTDataset>\n"])

    def wait_at(self, node, block):
        if node == self.submit_host:  # it plans, and runs what to compare with
            return
        with self.lock:
            if (node, block) not in self.asked:
                self.asked.append((node, block))
                self.lock.notify_all()
            self.lock.wait_for(lambda: block in self.opened)

    # --- what tests say

    def only(self, blocks):
        """These blocks can be had, others wait. Forgets who asked."""
        with self.lock:
            self.opened, self.asked = set(blocks), []
            self.lock.notify_all()

    def open(self, blocks=None):
        with self.lock:
            self.opened |= set(range(self.n) if blocks is None else blocks)
            self.lock.notify_all()

    def until(self, condition, limit=120):
        """Until condition({block: the node that came last}) holds; that."""
        with self.lock:
            self.lock.wait_for(lambda: condition(dict((b, node) for node, b in self.asked)), limit)
            return dict((b, node) for node, b in self.asked)


def until(condition, limit=60):
    """The first true value of condition(), or its last one when the time is over."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.2)


class Later:
    """A function's value, which is waited for beside other things."""

    def __init__(self, function):
        self.thread = threading.Thread(target=lambda: setattr(self, "found", function()), daemon=True)
        self.thread.start()

    def value(self):
        self.thread.join()
        return self.found
