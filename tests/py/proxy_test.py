# The map behind a real nginx, set up as the manual says, and the names it answers to. SPDX-License-Identifier: MIT
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile

from tap import SCRATCH, done, gdal, np, ok, note, write
from mapserver import Server

NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if os.path.exists("/usr/sbin/nginx") else None)
if not NGINX:
    print("1..0 # SKIP needs nginx")
    raise SystemExit(0)
top = tempfile.mkdtemp(dir=SCRATCH)
scene = write(top + "/scene.tif", [np.arange(40000, dtype="uint16").reshape(200, 200)], names=["B1"])
with open(top + "/s.lua", "w") as f:
    f.write('output("x", Image "%s", {ramp = "gray"})' % scene)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/manual/map.md")) as f:
    manual = f.read()


def block(kind):
    return re.search("^```%s\n(.*?)^```" % kind, manual, re.S | re.M)[1]


def ask(port, path, host=None, body=None):
    """(status, body) of a GET, or of a POST; nothing of the environment's proxies."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    c.putrequest("GET" if body is None else "POST", path, skip_host=host is not None)
    if host is not None:
        c.putheader("Host", host)
    if body is not None:
        c.putheader("Content-Type", "application/json")
        c.putheader("Content-Length", str(len(body)))
    c.endheaders(body)
    r = c.getresponse()
    return r.status, r.read()


# ------------------------------------------------------------------------------------------------ names

server = Server(top + "/s.lua", "--store", top + "/plans", "--host", "maps.example.org")
for host in ("localhost", "LOCALHOST:%d" % server.port, "127.0.0.1", "127.0.0.1:1", "127.8.9.10", "[::1]:80", "app.localhost",
             "maps.example.org", "Maps.Example.Org:443"):
    status, body = ask(server.port, "/layers", host)
    ok(status == 200, "it answers to " + host, (status, body))
for host in ("evil.example", "evil.example:%d" % server.port, "127.0.0.1.evil.example", "127.evil.example", "localhost.evil.example",
             "xlocalhost", "maps.example.org.evil.example", "[::2]", "0.0.0.0", ""):
    status, body = ask(server.port, "/layers", host)
    ok(status in (400, 421) and b"layers" not in body, "not to '%s'" % host, (status, body))
ok(b"--host NAME" in ask(server.port, "/layers", "evil.example")[1], "... and says what to do")
ok(ask(server.port, "/style/x", "evil.example", b"{}")[0] == 421, "nor to what such a page sends")

# ------------------------------------------------------------------------------------------------ nginx

listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen(64)
port = listening.getsockname()[1]
with open(top + "/nginx.conf", "w") as f:
    f.write("daemon off; worker_processes 1; %s pid %s/pid; error_log %s/error.log; events {} http { access_log off;\n"
            % ("user root;" if os.geteuid() == 0 else "", top, top)
            + "".join("%s_temp_path %s/%s;" % (k, top, k) for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
            + "server { listen 127.0.0.1:%d;\n%s} }" % (port, block("nginx").replace(":8000", ":%d" % server.port)))
nginx = subprocess.Popen([NGINX, "-c", top + "/nginx.conf", "-p", top, "-e", top + "/error.log"],
                         env=dict(os.environ, NGINX="%d;" % listening.fileno()), pass_fds=[listening.fileno()])
listening.close()
try:
    status, page = ask(port, "/gis/", "gis.example.org")
    ok(status == 200 and b"<title>" in page, "the page", status)
    for name in sorted(set(re.findall(rb'(?:src|href)="([^"#:]+)"', page))):
        status, body = ask(port, "/gis/" + name.decode())
        ok(status == 200 and body, "... and its " + name.decode(), status)
    key = server.layers()["x"]["key"]
    path = "tiles/%s/12/2218/1473.png" % key
    ok(ask(port, "/gis/" + path) == ask(server.port, "/" + path), "a tile")
    _, text = ask(port, "/gis/tilejson/x.json", "gis.example.org")
    ok(json.loads(text)["tiles"] == ["http://gis.example.org/gis/tiles/x/{z}/{x}/{y}.png"], "TileJSON has the proxy's addresses", text)
    gdal.SetConfigOption("GDAL_HTTP_PROXY", "")
    ok(gdal.Open("WMTS:http://127.0.0.1:%d/gis/wmts,layer=x" % port) is not None, "GDAL reads the WMTS through it")
    status, body = ask(port, "/gis/style/x", body=b'{"ramp": "viridis"}')
    ok(status == 200, "a style is sent", (status, body))
    events = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    events.request("GET", "/gis/events")
    ok(events.getresponse().read(1) != b"", "events come at once")
    events.close()
finally:
    nginx.terminate()
    nginx.wait()
server.stop()

# ------------------------------------------------------------------------------------------------ systemd

analyze = shutil.which("systemd-analyze")
if analyze:
    unit = top + "/tellua-map.service"
    with open(unit, "w") as f:
        f.write(block("ini").replace("/usr/local/bin/tellua", shutil.which("true")).replace("User=tellua", "User=root"))
    r = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True)
    told = [line for line in r.stderr.splitlines() if "tellua-map" in line]
    ok(not told, "systemd takes the unit", told)
else:
    note("no systemd-analyze here")
done()
