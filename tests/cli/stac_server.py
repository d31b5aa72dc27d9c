# Servers on loopback that fail on purpose, and STAC made in the test. SPDX-License-Identifier: MIT
import json
import os
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Cut:
    """An answer that ends after some bytes: by an end of the stream, or by a reset."""

    def __init__(self, body, after, length=True, reset=False):
        self.body, self.after, self.length, self.reset = body, after, length, reset


class Hang:
    """No answer: the connection stays open until the client has gone."""


class Server:
    """Answers by a function (request) -> body, (status, body), (status, body, headers), Cut, Hang.
    A request has method, path, query (names to values), body (JSON or None), headers, url.
    Bodies that are no bytes are sent as JSON."""

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle_one(self):
                parts = urlsplit(self.path)
                size = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(size)
                self.method, self.url = self.command, outer.url
                self.query = {k: v[0] for k, v in parse_qs(parts.query).items()}
                self.route, self.body = parts.path, json.loads(sent) if sent else None
                outer.requests.append((self.command, self.path, self.body))
                send(self, answer(self))

            do_GET = do_POST = handle_one

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def as_bytes(body):
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def send(h, answer):
    h.close_connection = True
    if isinstance(answer, Hang):
        h.connection.recv(1)
        return
    if isinstance(answer, Cut):
        body = as_bytes(answer.body)
        h.send_response(200)
        if answer.length:
            h.send_header("Content-Length", str(len(body)))
        h.send_header("Connection", "close")
        h.end_headers()
        h.wfile.write(body[:answer.after])
        h.wfile.flush()
        if answer.reset:
            h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            h.connection.close()
        return
    status, body, headers = (answer + ({},))[:3] if isinstance(answer, tuple) else (200, answer, {})
    body = as_bytes(body)
    h.send_response(status)
    h.send_header("Content-Length", str(len(body)))
    h.send_header("Connection", "close")
    for name, value in headers.items():
        h.send_header(name, value)
    h.end_headers()
    h.wfile.write(body)


def item(name, collection="made", day=1, cloud=10, west=15.0, href="B04.tif", **more):
    box = [west, 46.0, west + 1, 47.0]
    made = {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [
            [[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]], [box[0], box[1]]]]},
        "bbox": box,
        "properties": {"datetime": "2023-08-%02dT10:00:00Z" % day, "eo:cloud_cover": cloud},
        "links": [], "assets": {"red": {"href": href}},
    }
    made.update(more)
    return made


def items(*features, **more):
    return dict({"type": "FeatureCollection", "features": list(features)}, **more)


def catalog(name, *links, **more):
    """Links are (rel, href) or objects."""
    links = [link if isinstance(link, dict) else {"rel": link[0], "href": link[1]} for link in links]
    return dict({"type": "Catalog", "id": name, "stac_version": "1.0.0", "description": "made",
                 "links": links}, **more)


def save(folder, name, document):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(as_bytes(document))
    return path
