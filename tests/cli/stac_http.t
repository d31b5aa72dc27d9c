#!/usr/bin/python3
# Documents over HTTP from servers that fail on purpose. SPDX-License-Identifier: MIT
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stac_server import Cut, Hang, Server
from tap import BUILD_C, done, environment, finish, ok, start

GET = [os.path.join(BUILD_C, "stac_test"), "get"]
state = {}


def get(url, most=1 << 20, **env):
    env.setdefault("GDAL_HTTP_RETRY_DELAY", "0.01")
    return finish(start(url, str(most), program=GET, env=environment(no_proxy="*", **env)))


def answer(r):
    n = state[r.route] = state.get(r.route, 0) + 1
    if r.route == "/plain":
        return {"plain": r.query.get("a b"), "accept": r.headers["Accept"]}
    if r.route.startswith("/twice/"):
        return (int(r.route[7:]), b"busy") if n <= 2 else b"at last"
    if r.route.startswith("/always/"):
        return int(r.route[8:]), b'{"description": "no such\x1b[31m thing"}'
    if r.route == "/after":
        return (503, b"", {"Retry-After": "1"}) if n == 1 else b"rested"
    if r.route == "/long-after":
        return 503, b"", {"Retry-After": "30"}
    if r.route == "/cut":
        return Cut(b"x" * 10000, 5000) if n == 1 else b"whole"
    if r.route == "/reset":
        return Cut(b"x" * 10000, 5000, reset=True) if n == 1 else b"whole"
    if r.route == "/always-cut":
        return Cut(b"x" * 10000, 5000)
    if r.route == "/hang":
        return Hang()
    if r.route == "/moved":
        return 302, b"", {"Location": "/plain"}
    if r.route == "/to-file":
        return 302, b"", {"Location": "file:///etc/hostname"}
    if r.route == "/round":
        return 302, b"", {"Location": "/round"}
    return b"y" * 5000000


server = Server(answer)
url = server.url

e = get(url + "/plain?a%20b=c")
ok(e.status == 0 and '"plain": "c"' in e.out and "application/json" in e.out, "a document is fetched", e)

for status in (429, 500, 502, 503, 504):
    e = get(url + "/twice/%d" % status)
    ok(e.status == 0 and e.out == "at last", "an answer %d is asked again, and none of its body kept" % status, e)

for status in (400, 401, 403, 404, 405, 501):
    e = get(url + "/always/%d" % status)
    ok(e.status == 1 and state["/always/%d" % status] == 1 and "answered %d" % status in e.err,
       "an answer %d is final, and named" % status, e, state)
ok("no such?[31m thing" in e.err, "what the server says of it is shown, made harmless", e)

e = get(url + "/always/503")
ok(e.status == 75 and state["/always/503"] == 5 and "answered 503" in e.err and "5 attempts" in e.err,
   "a server that never answers but 503 is left after five attempts, to be tried later", e, state)
e = get(url + "/always/502", GDAL_HTTP_MAX_RETRY="1")
ok(e.status == 75 and state["/always/502"] == 2, "GDAL_HTTP_MAX_RETRY bounds the attempts", e, state)

e = get(url + "/after")
ok(e.status == 0 and e.seconds >= 1, "Retry-After is waited for", e)
e = get(url + "/long-after")
ok(e.status == 75 and state["/long-after"] == 1 and e.seconds < 10, "but not for half a minute", e, state)

e = get(url + "/cut")
ok(e.status == 0 and e.out == "whole", "a document cut half-way is fetched again", e)
e = get(url + "/reset")
ok(e.status == 0 and e.out == "whole", "also when the connection is reset", e)
e = get(url + "/always-cut")
ok(e.status == 75 and e.out == "" and state["/always-cut"] == 5, "one always cut may pass later", e, state)
e = get(url + "/hang", GDAL_HTTP_TIMEOUT="1", GDAL_HTTP_MAX_RETRY="1")
ok(e.status == 75 and state["/hang"] == 2 and "timed out" in e.err, "a server that says nothing is a time-out", e, state)

e = get(url + "/large", most=1 << 20)
ok(e.status == 1 and "larger than 1 MiB" in e.err and state["/large"] == 1, "a document above the limit is refused at once", e, state)
e = get(url + "/large", most=5 << 20)
ok(e.status == 0 and len(e.out) == 5000000, "one below it is not", len(e.out))

e = get(url + "/moved")
ok(e.status == 0 and "plain" in e.out, "redirects are followed", e)
e = get(url + "/to-file")
ok(e.status != 0 and e.out == "", "but to no file", e)
e = get(url + "/round")
ok(e.status != 0 and "redirect" in e.err and state["/round"] < 15, "and not for ever, nor all of it again", e, state)

e = get("http://user:geheim@127.0.0.1:%d/always/404?token=geheim" % server.http.server_address[1])
ok(e.status == 1 and "geheim" not in e.err and "127.0.0.1" in e.err, "errors show no password and no token", e)
for bad in ("file:///etc/hostname", "/etc/hostname", "ftp://127.0.0.1/x"):
    e = get(bad)
    ok(e.status == 1 and "is no http:// or https://" in e.err, "%s is not fetched" % bad, e)

server.close()
e = get(url + "/plain", GDAL_HTTP_MAX_RETRY="2")
ok(e.status == 75 and "3 attempts" in e.err, "no server at all may pass later", e)
done()
