#!/usr/bin/python3
# A STAC API on loopback: searching, paging, and what goes wrong. SPDX-License-Identifier: MIT
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stac_server import Cut, Server, as_bytes, catalog, item, items
from tap import BUILD_C, done, environment, finish, ok, start

PROGRAM = [os.path.join(BUILD_C, "stac_test")]
QUERY = "https://api.stacspec.org/v1.0.0/item-search#query"
ALL = [item("s%03d" % i, collection="s2" if i % 2 else "l8", day=1 + i % 28, cloud=i % 100, west=-170 + i)
       for i in range(250)]


def read(source, options=None, how="api", **env):
    """How it ended, and the scenes' names in order."""
    env = environment(no_proxy="*", GDAL_HTTP_RETRY_DELAY="0.01", **env)
    e = finish(start(how, source, json.dumps(options or {}), program=PROGRAM, env=env))
    e.scenes = [s.split()[0] for s in e.out.splitlines()]
    return e


class Api:
    """offers: the methods of its search. merge: next links send only what changes. fault: a function
    (request, number) -> an answer instead, or None."""

    def __init__(self, offers=("GET", "POST"), merge=True, fault=None, conforms=(QUERY,), matched=False):
        self.offers, self.merge, self.fault, self.conforms, self.matched = offers, merge, fault, conforms, matched
        self.n = 0
        self.server = Server(self.answer)
        self.url = self.server.url + "/v1"

    def asked(self, method=None):
        return [q for q in self.server.requests if "search" in q[1] and method in (None, q[0])]

    def answer(self, r):
        self.n += 1
        wrong = self.fault(r, self.n) if self.fault else None
        if wrong is not None:
            return wrong
        if r.route in ("/v1", "/v1/"):
            return catalog("api", ("self", self.url), {"rel": "search", "href": self.url + "/search.html", "type": "text/html"},
                           *[{"rel": "search", "href": self.url + "/search", "type": "application/geo+json", "method": m}
                             for m in self.offers], conformsTo=list(self.conforms))
        if r.route == "/v1/collections/s2":
            return catalog("s2", {"rel": "items", "href": "s2/items"}, type="Collection")
        if r.route == "/v1/collections/s2/items":
            return self.page(r, dict(r.query, collections="s2"), r.query)
        if r.route == "/v1/search" and r.method in self.offers:
            return self.page(r, r.body if r.method == "POST" else r.query, r.query)
        return 404, {"code": "NotFound", "description": "no such place"}

    def page(self, r, q, given):
        names = q.get("collections")
        names = names.split(",") if isinstance(names, str) else names
        found = [i for i in ALL if not names or i["collection"] in names]
        query = q.get("query") or {}
        query = json.loads(query) if isinstance(query, str) else query
        for how in query.get("eo:cloud_cover", {}).items():
            found = [i for i in found if i["properties"]["eo:cloud_cover"] < how[1]] if how[0] == "lt" else found
        if q.get("bbox"):
            box = [float(x) for x in q["bbox"].split(",")] if isinstance(q["bbox"], str) else q["bbox"]
            found = [i for i in found if i["bbox"][0] <= box[2] and i["bbox"][2] >= box[0]]
        at, n = int(q.get("token") or 0), int(q.get("limit", 10))
        links = [{"rel": "self", "href": self.url + "/search"}]
        if at + n < len(found):
            if r.method == "POST":
                body = {"token": at + n}
                if not self.merge:
                    body.update((k, q[k]) for k in ("limit", "collections"))
                links.append({"rel": "next", "href": self.url + "/search", "method": "POST", "merge": self.merge,
                              "body": body, "headers": {"X-Page": "more"}})
            else:
                rest = "&".join("%s=%s" % (k, v) for k, v in given.items() if k != "token")
                links.append({"rel": "next", "href": "?%s&token=%d" % (rest, at + n)})
        more = {"numberMatched": len(found)} if self.matched else {}
        return items(*found[at:at + n], links=links, **more)


def names(test):
    return [i["id"] for i in ALL if test(i)]


everything = names(lambda i: True)

# --- paging --------------------------------------------------------------------------------------------

api = Api()
e = read(api.url)
ok(sorted(e.scenes) == everything, "an API is read by POST where it offers that, page by page", len(e.scenes), e.err)
ok([q[0] for q in api.asked()] == ["POST"] * 3 and api.asked()[2][2] == {"limit": 100, "token": 200},
   "the next page's body is merged upon the last one's", api.asked())
api = Api(merge=False)
e = read(api.url, {"limit": 60, "collections": "s2", "datetime": "../.."})
ok(sorted(e.scenes) == names(lambda i: i["collection"] == "s2") and len(api.asked("POST")) == 3 and
   api.asked()[1][2] == {"limit": 60, "collections": ["s2"], "token": 60}, "or sent as it is without merge", e, api.asked())
api = Api(offers=("GET",))
e = read(api.url, {"collections": ["s2", "l8"], "limit": 70})
ok(sorted(e.scenes) == everything and len(api.asked("GET")) == 4 and not api.asked("POST"),
   "an API without POST is read by GET, next links relative to the page", len(e.scenes), e.err, api.asked())
api = Api()
e = read(api.url + "/search")
ok(sorted(e.scenes) == everything and len(api.asked("POST")) == 3, "the address of the search finds its landing page", e.err, api.asked())
api = Api(offers=("GET",))
e = read(api.url + "/search?collections=s2")
ok(sorted(e.scenes) == names(lambda i: i["collection"] == "s2"), "an address with a query is read as it is", e.err, api.asked())
ok(api.asked()[0][1] == "/v1/search?collections=s2&limit=100", "with more parameters behind it", api.asked())
e = read(api.url + "/collections/s2", {"bbox": [-100, 40, -90, 50]})
ok(sorted(e.scenes) == names(lambda i: i["collection"] == "s2" and -101 <= i["bbox"][0] <= -90),
   "one Collection of an API is read by its items", e)
e = read(api.url, how="read")
ok(sorted(e.scenes) == everything, "a landing page is known when it is read as a catalogue", e.err)
e = read(api.url + "/collections/s2", how="read")
ok(len(e.scenes) == 125, "and so is a Collection", len(e.scenes), e.err)

# --- options -------------------------------------------------------------------------------------------

for offers in (("POST",), ("GET",)):
    api = Api(offers=offers)
    options = {"collections": ["s2"], "bbox": [-120.5, 46, 20, 47], "datetime": "2023-08-01T00:00:00Z/..",
               "query": {"eo:cloud_cover": {"lt": 20}}, "limit": 7}
    e = read(api.url, options)
    ok(sorted(e.scenes) == names(lambda i: i["collection"] == "s2" and -121.5 <= i["bbox"][0] <= 20 and
                                 i["properties"]["eo:cloud_cover"] < 20), "options are sent by %s" % offers, e, api.asked())
first = api.asked()[0][1]
ok("bbox=-120.5,46,20,47" in first and "datetime=2023-08-01T00:00:00Z/.." in first and
   "query=%7B%22eo:cloud_cover%22" in first, "as parameters, encoded", first)
api = Api()
shape = {"type": "Point", "coordinates": [15.5, 46.5]}
read(api.url, {"intersects": shape, "ids": "s001", "filter": "eo:cloud_cover < 20", "limit": 1000})
ok(api.asked()[0][2] == {"intersects": shape, "ids": ["s001"], "filter": "eo:cloud_cover < 20",
                         "filter-lang": "cql2-text", "limit": 1000}, "a geometry, names and a filter are passed on", api.asked())
read(api.url, {"filter": {"op": "<", "args": [1, 2]}, "limit": 1000})
ok(api.asked()[1][2]["filter-lang"] == "cql2-json", "a filter that is an object is CQL2 JSON", api.asked())
api = Api()
e = read(api.url, {"prefer": {"query": {"eo:cloud_cover": {"lt": 5}}}})
ok(len(e.scenes) == 15 and api.asked()[0][2]["query"] == {"eo:cloud_cover": {"lt": 5}},
   "what is preferred is sent to a server that knows query", e.err, api.asked())
api = Api(conforms=("https://api.stacspec.org/v1.0.0/item-search",))
e = read(api.url, {"prefer": {"query": {"eo:cloud_cover": {"lt": 5}}}})
ok(len(e.scenes) == 250 and "query" not in api.asked()[0][2], "and not to one that does not", e.err, api.asked())
e = read(api.url, {"query": {"eo:cloud_cover": {"lt": 5}}})
ok(e.status == 0 and "does not say that it knows query" in e.err, "a query it may not know is sent with a warning", e)

for options, words in (({"bbx": [1, 2, 3, 4]}, "bbx is no option"), ({"bbox": [1, 2, 3]}, "bbox"), ({"limit": 0}, "limit"),
                       ({"collections": []}, "collections"), ({"datetime": ""}, "datetime"), ({"query": "x"}, "query"),
                       ({"max": "all"}, "max"), ({"bbox": [1, 2, 3, 4], "intersects": shape}, "not both")):
    e = read("http://127.0.0.1:9/", options)
    ok(e.status == 2 and words in e.err and len(e.err.splitlines()) == 1, "%s is wrong usage" % json.dumps(options), e)
e = read(api.url + "/collections/s2", {"query": {}})
ok(e.status == 2 and "landing page" in e.err, "a Collection's items have no query", e)

# --- bounds --------------------------------------------------------------------------------------------

api = Api(matched=True)
e = read(api.url, {"max": 249})
ok(e.status == 1 and "finds 250 Items, more than 249" in e.err and "max" in e.err and len(api.asked()) == 1,
   "more Items than max are an error, at once where the server counts them", e, api.asked())
api = Api()
e = read(api.url, {"max": 249})
ok(e.status == 1 and "more than 249 Items" in e.err and not e.scenes, "or when they come", e)
e = read(api.url, {"max": 250})
ok(e.status == 0 and len(e.scenes) == 250, "max Items are not more than max", e.err)

# --- what goes wrong -----------------------------------------------------------------------------------

chance = random.Random(1)
api = Api(fault=lambda r, n: (503, b"") if chance.random() < 0.05 else None)
e = read(api.url, {"limit": 2})
failed = len(api.asked()) - 125
ok(sorted(e.scenes) == everything and failed > 0, "5 %% of answers 503 lose nothing (%d of them)" % failed, e.err)

for sentence, how in (("cut half-way", {}), ("reset half-way", {"reset": True}), ("cut, its length unsaid,", {"length": False})):
    cut = []

    def once(r, n):
        if n == 3 and not cut:
            cut.append(n)
            page = api.page(r, r.body, {})
            return Cut(page, len(as_bytes(page)) // 2, **how)
        return None

    api = Api(fault=once)
    e = read(api.url)
    ok(sorted(e.scenes) == everything and cut == [3] and len(api.asked()) == 4, "a page %s is asked for again" % sentence, e.err, cut)
api = Api(fault=lambda r, n: Cut(items(item("a")), 300, length=False) if "search" in r.route else None)
e = read(api.url)
ok(e.status == 75 and "cut off" in e.err, "a page that is always cut may pass later", e)


def loops(*nexts):
    """A server whose n-th page has the n-th of these next links, the last one for ever."""
    pages = []

    def fault(r, n):
        if "search" not in r.route:
            return None
        pages.append(r.path)
        link = nexts[min(len(pages), len(nexts)) - 1]
        made = [] if link.get("empty") else [item("p%d" % (0 if link.get("same") else len(pages)))]
        return items(*made, links=[dict(link, rel="next", href=link["href"].replace("N", str(len(pages))))])

    return Api(offers=("GET",), fault=fault)


for sentence, api, word in (
        ("a next link to the same page", loops({"href": "?limit=100"}), "page that was read"),
        ("a next link to a page before the last", loops({"href": "?t=1"}, {"href": "?t=2"}, {"href": "?t=1"}), "page that was read"),
        ("next links that bring the same Items for ever", loops({"href": "?t=N", "same": 1}), "same Items"),
        ("next links that bring nothing for ever", loops({"href": "?t=N", "empty": 1}), "hold no Items")):
    e = read(api.url)
    ok(e.status == 1 and "does not advance" in e.err and word in e.err and len(e.err.splitlines()) == 1 and len(api.asked()) < 60,
       "%s is an error" % sentence, e, len(api.asked()))
api = loops({"href": "?t=N"})
e = read(api.url, {"max": 30})
ok(e.status == 1 and "more than 30 Items" in e.err, "next links without end come to max", e)

for sentence, answer, words in (
        ("an HTML page instead of Items", b"<html>busy</html>", "HTML"), ("a Catalog instead of Items", catalog("c"), "no FeatureCollection"),
        ("an Item without geometry", items(item("a"), {k: v for k, v in item("b").items() if k != "geometry"}), "features[1]"),
        ("a next link by PUT", items(item("a"), links=[{"rel": "next", "href": "?x", "method": "PUT"}]), "links[0].method"),
        ("a next link to a file", items(item("a"), links=[{"rel": "next", "href": "file:///etc/hostname"}]), "links[0].href"),
        ("a next link with a forged header", items(item("a"), links=[{"rel": "next", "href": "?x", "headers": {"A": "b\r\nHost: c"}}]),
         "links[0].headers"),
        ("links that are a text", items(item("a"), links="next"), '"links" is not an array')):
    api = Api(fault=lambda r, n: answer if "search" in r.route else None)
    e = read(api.url)
    ok(e.status == 1 and words in e.err and "/search" in e.err and len(e.err.splitlines()) == 1, sentence + " is an error", e)

e = read(api.url + "/nowhere")
ok(e.status == 1 and "404" in e.err and "no such place" in e.err, "an address that is none is named", e)
api = Api(offers=())
e = read(api.url)
ok(e.status == 1 and 'rel "search"' in e.err, "a landing page without search is no STAC API", e)
e = read("/tmp/x")
ok(e.status == 2 and "http" in e.err, "a path is no STAC API", e)

# --- from a script: a server is asked for what the filters leave, when that is used -------------------------


def script(text, **env):
    return finish(start("-e", text, env=environment(no_proxy="*", GDAL_HTTP_RETRY_DELAY="0.01", **env)))


api = Api()
e = script('Collection "%s" return 1' % api.url)
ok(e.status == 0 and not api.server.requests, "a Collection of a server that is not used is not asked for", e, api.server.requests)
api = Api()
e = script('local c = Collection("%s"):filter_date("2023-08-05", "2023-08-09"):filter_bbox(-120, 40, 20, 50):filter_cloud(30) '
           'local list = {} for s in c:scenes() do list[#list + 1] = s.id end print(c:count_images()) '
           'print(table.concat(list, " "))' % api.url)
body = api.asked("POST")[0][2] if api.asked("POST") else {}
want = names(lambda i: "2023-08-05" <= i["properties"]["datetime"][:10] < "2023-08-09" and
             -121 <= i["bbox"][0] <= 20 and i["properties"]["eo:cloud_cover"] < 30)
got = e.out.splitlines()
ok(e.status == 0 and got and sorted(got[1].split()) == want and got[0] == str(len(want)),
   "what a server sends is filtered here too", e, want)
ok(body.get("datetime") == "2023-08-05T00:00:00Z/2023-08-09T00:00:00Z" and body.get("bbox") == [-120, 40, 20, 50] and
   "eo:cloud_cover" in body.get("query", {}), "dates, box and clouds of the filters are asked of the server", body)
ok(len([q for q in api.asked("POST") if "token" not in q[2]]) == 1, "in one search", api.asked())
api = Api()
e = script('return Collection("%s", {bbox = {-100, 40, -90, 50}}):filter_bbox(-95, 40, 0, 50):count_images()' % api.url)
ok(e.status == 0 and e.out.strip() == str(len(names(lambda i: -101 <= i["bbox"][0] <= -90 and i["bbox"][2] >= -95))) and
   api.asked()[0][2]["bbox"] == [-100, 40, -90, 50], "an option is not overridden by a filter", e, api.asked())
api = Api()
e = script('return Collection("%s"):filter_date("1999"):median()' % api.url)
ok(e.status == 1 and "filter_date" in e.err and "127.0.0.1" in e.err, "when nothing is left the filters are named", e)
done()
