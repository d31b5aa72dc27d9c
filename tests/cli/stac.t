#!/usr/bin/python3
# STAC catalogues: followed, and refused where they are wrong. SPDX-License-Identifier: MIT
import json
import os
import random
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stac_server import Server, as_bytes, catalog, item, items, save
from tap import BUILD_C, SANITIZED, SHARED, SLOWER, done, environment, finish, ok, skip, start

PROGRAM = [os.path.join(BUILD_C, "stac_test"), "read"]
top = os.environ["TMPDIR"]


def read(source, options=None, **popen):
    """How it ended, and its scenes: {id: first file}."""
    env = environment(no_proxy="*", GDAL_HTTP_RETRY_DELAY="0.01")
    e = finish(start(source, json.dumps(options or {}), program=PROGRAM, env=env, **popen))
    e.scenes = {s.split()[0]: s.split(None, 3)[3] for s in e.out.splitlines()}
    return e


def refused(sentence, source, *words, status=1, **more):
    e = read(source, **more)
    ok(e.status == status and len(e.err.splitlines()) == 1 and all(w in e.err for w in words), sentence,
       "wanted status %d and %s" % (status, list(words)), e)
    return e


# --- what is there ---------------------------------------------------------------------------------

d = os.path.join(top, "small")
root = save(d, "catalog.json", catalog("root", ("self", "https://elsewhere.example/catalog.json"),
            ("root", "./catalog.json"), ("child", "./a/collection.json"), ("child", "b/catalog.json"),
            {"rel": "child", "href": "browse.html", "type": "text/html"}))
save(d, "a/collection.json", catalog("a", ("parent", "../catalog.json"), ("item", "./i1/i1.json"),
     ("item", "i2.json?not=a query"), type="Collection", stac_version="1.1.0"))
save(d, "a/i1/i1.json", item("i1", href="./B04.tif", stac_version="1.1.0"))
save(d, "a/i2.json?not=a query", item("i2", href="../x/B04.tif"))
save(d, "b/catalog.json", catalog("b", ("item", "i3.json"), ("item", "../a/i1/i1.json"), ("item", "more.json")))
save(d, "b/i3.json", item("i3", href="s3://bucket/B04.tif"))
save(d, "b/more.json", items(item("i4", links=[{"rel": "parent", "href": "https://other.example/"}, {"rel": "self", "href": "https://h.example/c/i4.json"}]),
                             item("i5", links=[{"rel": "self", "href": "deep/i5.json"}]), item("i6")))
want = {"i1": d + "/a/i1/B04.tif", "i2": d + "/x/B04.tif", "i3": "/vsis3/bucket/B04.tif",
        "i4": "/vsicurl/https://h.example/c/B04.tif", "i5": d + "/b/deep/B04.tif", "i6": d + "/b/B04.tif"}
e = read(root)
ok(e.status == 0 and e.scenes == want, "a catalogue's links are followed, each file by its document's place", want, e)
ok(list(e.scenes) == sorted(want), "in the order of the links", e)
ok(read(d).scenes == want and read(d + "/").scenes == want, "a folder with a catalog.json is that catalogue", read(d))
e = read(d + "/a/collection.json")
ok(set(e.scenes) == {"i1", "i2"}, "a Collection of STAC 1.1 is read", e)
e = read("small/a/../a/i1/i1.json", cwd=top)
ok(e.scenes == {"i1": d + "/a/i1/B04.tif"}, "an Item by a relative path has absolute files", e)
e = read("file://" + d + "/a/i1/i1.json")
ok(set(e.scenes) == {"i1"}, "an Item by a file:// address is read", e)
e = read(save(d, "list.json", b"\xef\xbb\xbf\n" + as_bytes([item("a"), item("b")])))
ok(set(e.scenes) == {"a", "b"}, "an array of Items is read, behind a byte order mark", e)
e = read(save(d, "old.json", {"id": "o", "stac_version": "0.9.0", "links": [{"rel": "item", "href": "a/i1/i1.json"}]}))
ok(set(e.scenes) == {"i1"}, "a catalogue from before types is read", e)
chain = os.path.join(top, "chain")
for i in range(40):
    save(chain, "%d.json" % i, catalog(str(i), ("child", "%d.json" % (i + 1))))
save(chain, "32.json", item("end"))
ok(set(read(chain + "/0.json").scenes) == {"end"}, "catalogues may nest 32 deep", read(chain + "/0.json"))
wide = os.path.join(top, "wide")
save(wide, "catalog.json", catalog("wide", *[("item", "%d.json" % i) for i in range(500)] * 2))
for i in range(500):
    save(wide, "%d.json" % i, item("w%d" % i))
e = read(wide)
ok(e.status == 0 and len(e.scenes) == 500, "what is linked twice is read once", len(e.scenes), e.err)
refused("max bounds the Items", wide, "more than 499 Items", "max", options={"max": 499})
ok(len(read(wide, {"max": 500}).scenes) == 500, "and no more than that")
refused("an unknown option is wrong usage that names it", wide, "bbox", status=2, options={"bbox": [1, 2, 3, 4]})

# --- what is wrong: one clear error that names file and field ---------------------------------------

w = os.path.join(top, "wrong")
both = save(w, "circle.json", catalog("c", ("child", "sub/back.json")))
back = save(w, "sub/back.json", catalog("d", ("root", "../circle.json"), ("child", "./../circle.json")))
refused("cyclic links are a circle, named by file and link", both, back, "links[1].href", "circle", both)
me = save(w, "me.json", catalog("me", ("self", "me.json"), ("child", "me.json")))
refused("a catalogue that is its own child is a circle", me, "links[1].href", "circle")
os.remove(chain + "/32.json")
save(chain, "32.json", catalog("32", ("child", "33.json")))
refused("catalogues nested deeper are refused", chain + "/0.json", chain + "/32.json", "links[0].href", "deeper than 32")
gone = save(w, "gone.json", catalog("g", ("item", "none.json")))
refused("a link to nothing names the link and the file", gone, gone, "links[0].href", w + "/none.json")
refused("no such source", w + "/none.json", w + "/none.json", "cannot read")
refused("a folder without a catalogue", w, w)

good = item("x")


def without(*path):
    made = json.loads(json.dumps(good))
    inner = made
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return made


def with_(value, *path):
    made = json.loads(json.dumps(good))
    inner = made
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return made


cases = [
    ("an Item without geometry", without("geometry"), "geometry"),
    ("an Item with a null datetime and no start", with_(None, "properties", "datetime"), "datetime"),
    ("an Item without properties", without("properties"), "properties"),
    ("an Item without an id", without("id"), "id"),
    ("links that are no array", catalog("c") | {"links": {"rel": "item"}}, '"links" is not an array'),
    ("a link that is a number", catalog("c") | {"links": [7]}, "links[0] is not an object"),
    ("a link without href", catalog("c") | {"links": [{"rel": "root", "href": "x"}, {"rel": "item"}]}, "links[1].href"),
    ("a link whose href is a number", catalog("c") | {"links": [{"rel": "item", "href": 5}]}, "links[0].href"),
    ("a link whose rel is null", catalog("c") | {"links": [{"rel": None, "href": "x"}]}, "links[0].rel"),
    ("a FeatureCollection without features", {"type": "FeatureCollection"}, '"features" is missing'),
    ("features that are an object", {"type": "FeatureCollection", "features": {}}, '"features" is not an array'),
    ("a type that is none of STAC's", {"type": "Topology"}, '"type" is none of STAC'),
    ("a type that is a number", {"type": 5, "stac_version": "1.0.0"}, '"type" is none of STAC'),
    ("JSON that is no STAC", {"name": "x"}, '"type" is missing'),
    ("a number", b"42", "does not begin as JSON"),
    ("an HTML page", b"\n<!DOCTYPE html><html><body>Not here", "HTML"),
    ("nothing", b"", "empty"),
    ("white space", b" \n\n", "empty"),
    ("JSON with more behind it", as_bytes(catalog("c")) + b"{}", "no JSON"),
    ("a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "does not begin as JSON"),
    ("braces without end", b"[" * 1000000, "cut off"),
    ("NULs in JSON", b'{"type": "Catalog", \0\0\0}', "no JSON"),
]
for sentence, document, word in cases:
    p = save(w, "case.json", document)
    refused(sentence + " is refused by file and field", p, p, word)
p = save(w, "case.json", items(item("a"), without("geometry")))
refused("of many Items the wrong one is named", p, p, "features[1]", "geometry")
p = save(w, "linked.json", catalog("c", ("item", "case.json")))
refused("also behind a link", p, w + "/case.json", "features[1]", "geometry")

whole = as_bytes(catalog("c", ("item", "i.json"), title="a \"title\""))
bad = []
for n in random.Random(4).sample(range(1, len(whole)), 12):
    e = read(save(w, "cut.json", whole[:n]))
    if e.status != 1 or "cut" not in e.err or len(e.err.splitlines()) != 1:
        bad.append((n, str(e)))
ok(not bad, "a catalogue cut anywhere is refused", *bad)
whole = as_bytes(items(item("a"), item("b")))
bad = []
for n in random.Random(5).sample(range(1, len(whole)), 12):
    e = read(save(w, "cut.json", whole[:n]))
    if e.status != 1 or "cut.json" not in e.err or len(e.err.splitlines()) != 1:
        bad.append((n, str(e)))
ok(not bad, "an ItemCollection cut anywhere is refused", *bad)

junk = random.Random(6).randbytes(1 << 20)  # this process stays small, or its children's memory shows it
big = os.path.join(w, "junk.json")
for sentence, head, body, times in (
        ("100 MB of junk", b"", junk, 100), ("100 MB of junk behind a brace", b"{", junk, 100),
        ("100 MB of a text without end", b'{"type": "', b"x" * 1048576, 100),
        ("60 MB of a text without end", b'{"type": "', b"x" * 1048576, 60),
        ("60 MB of open brackets", b'{"links": ', b"[" * 1048576, 60)):
    with open(big, "wb") as f:
        f.write(head)
        for _ in range(times):
            f.write(body)
    e = read(big)
    ok(e.status == 1 and len(e.err.splitlines()) == 1 and big in e.err and e.seconds < 5 * SLOWER and
       (SANITIZED or e.rss < 256 << 20), sentence + " are one error, soon and in little memory", e)
os.remove(big)

# --- over HTTP ---------------------------------------------------------------------------------------

seen = {}


def answer(r):
    n = seen[r.path] = seen.get(r.path, 0) + 1
    if n % 3 == 1:
        return 503, b""
    if r.route == "/cat/catalog.json":
        return catalog("root", ("child", "s/collection.json?v=2"), ("child", "/cat/t/collection.json"))
    if r.route == "/cat/s/collection.json":
        return catalog("s", ("item", "./i1.json"), ("item", r.url + "/else/i2.json"), type="Collection")
    if r.route == "/cat/t/collection.json":
        return catalog("t", ("items", "items"), type="Collection")
    if r.route == "/cat/t/items":
        if r.query:
            return items(item("i4"))
        return items(item("i3"), links=[{"rel": "next", "href": "items?page=2"}])
    if r.route == "/evil":
        return catalog("evil", ("item", "file:///etc/hostname"))
    if r.route == "/path":
        return catalog("path", ("item", "/etc/hostname"))
    if r.route == "/html":
        return b"<html>Sign in</html>"
    if r.route.endswith(".json"):
        return item(r.route.split("/")[-1][:-5])
    return 404, b"not here"


server = Server(answer)
u = server.url
e = read(u + "/cat/catalog.json")
ok(e.status == 0 and e.scenes == {"i1": "/vsicurl/" + u + "/cat/s/B04.tif", "i2": "/vsicurl/" + u + "/else/B04.tif",
                                  "i3": "/vsicurl/" + u + "/cat/t/B04.tif", "i4": "/vsicurl/" + u + "/cat/t/B04.tif"},
   "a catalogue on a server that fails every third time is read, pages of Items too", e)
refused("a server's catalogue leads to no local file", u + "/evil", u + "/evil", "links[0].href leads from a server", "file:///etc/hostname")
refused("a path there is the server's", u + "/path", "answered 404", "links[0].href")
refused("a page to sign in is no STAC", u + "/html", u + "/html", "HTML")
refused("a missing catalogue is named", u + "/none", u + "/none", "404")
local = save(top, "local.json", catalog("l", ("item", u + "/else/i9.json")))
ok(set(read(local).scenes) == {"i9"}, "a local catalogue may link to a server", read(local))
server.close()

together = threading.Barrier(4)


def waits(r):
    """Answers once four of its Items were asked for."""
    if r.route == "/catalog.json":
        return catalog("c", *[("item", "%d.json" % (i % 90)) for i in range(100)] + [("item", "none.json"), ("item", "nor.json")])
    if r.route in ("/none.json", "/nor.json"):
        return 404, b""
    if int(r.route[1:-5]) < 12:
        together.wait(20 * SLOWER)
    return item("i" + r.route[1:-5], assets={"text": {"href": "x", "description": "y" * (5 << 20 if r.route == "/50.json" else 1)}})


server = Server(waits)
e = refused("of a server's missing Items the first is named", server.url + "/catalog.json", "links[100].href", "/none.json", "404")
ok(not together.broken, "a server's Items are fetched several at a time", e)
asked = [q[1] for q in server.requests]
ok([asked.count("/%d.json" % n) for n in range(90)] == [1 + (n == 50) for n in range(90)],
   "each once, and a large one again by itself", sorted(asked))
server.close()

# --- real ones -----------------------------------------------------------------------------------------

data = os.path.join(SHARED or "", "data")
if os.path.isdir(data + "/s2_timeseries_mapchete_33T"):
    e = read(data + "/s2_timeseries_mapchete_33T")
    dates = {i.split("_")[2] for i in e.scenes}
    ok(e.status == 0 and len(e.scenes) == 10 and len(dates) == 5, "five dates of two tiles are ten scenes", e)
    bad = []
    for name, count in (("odc-stac/site1-20200606-tall-strip-africa.geojson", 9), ("odc-stac/lidar_dem.json", 1),
                        ("odc-stac/site2-2020_jun_jul-35MNM.geojson", 13), ("stackstac/items-landsat-c2-l2.json", 20),
                        ("rio-tiler/stac_relative.json", 1), ("rio-tiler/stac_bands_v1.json", 1)):
        e = read(os.path.join(data, "stac", name))
        if e.status or len(e.scenes) != count:
            bad.append("%s: wanted %d scenes, got %d: %s" % (name, count, len(e.scenes), e.err))
    ok(not bad, "published Items and ItemCollections are read", *bad)
else:
    skip("published catalogues are read", "no shared data")
done()
