# Drives Debian's Chromium through its DevTools protocol. SPDX-License-Identifier: MIT
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

import websocket  # python3-websocket


class Page:
    """A headless browser with one page; everything is asked by JavaScript."""

    def __init__(self, width=1280, height=800):
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
             "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing outside is asked
             "--window-size=%d,%d" % (width, height), "--user-data-dir=" + self.profile,
             "--remote-debugging-port=0", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
        port = self._port()
        with urllib.request.urlopen("http://127.0.0.1:%d/json/list" % port, timeout=30) as answer:
            pages = [t for t in json.load(answer) if t["type"] == "page"]
        self.ws = websocket.create_connection(pages[0]["webSocketDebuggerUrl"], timeout=60, suppress_origin=True)
        self.number = 0
        self.events = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def _port(self):
        for line in self.process.stderr:
            if "DevTools listening on" in line:
                return int(line.split("127.0.0.1:")[1].split("/")[0])
        raise RuntimeError("chromium did not start")

    def call(self, method, **params):
        self.number += 1
        self.ws.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.ws.recv())
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError("%s: %s" % (method, answer["error"]))
                return answer.get("result", {})
            self.events.append(answer)

    def js(self, text):
        """The value of an expression; a promise is awaited."""
        r = self.call("Runtime.evaluate", expression=text, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in r:
            raise RuntimeError("%s: %s" % (text, r["exceptionDetails"].get("exception", {}).get("description")))
        return r["result"].get("value")

    def wait(self, text, seconds=30):
        """Until the expression is true: asked again at each frame of the page."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                value = self.js("(async () => { for (let i = 0; i < 60; i++) { const v = (%s); if (v) return true;"
                                " await new Promise((f) => setTimeout(f, 16)); } return null; })()" % text)
            except RuntimeError as e:
                if "context" in str(e) or "navigat" in str(e):
                    continue
                raise
            if value:
                return value
        raise RuntimeError("never true: " + text)

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def click(self, x, y, kind="click"):
        for what in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=what, x=x, y=y, button="left", clickCount=1)

    def drag(self, x0, y0, x1, y1, steps=8):
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x0, y=y0, button="left", clickCount=1)
        for i in range(1, steps + 1):
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x0 + (x1 - x0) * i / steps,
                      y=y0 + (y1 - y0) * i / steps, button="left")
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=x1, y=y1, button="left", clickCount=1)

    def screenshot(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
        return path

    def complaints(self):
        """What the page wrote to its console as an error, and requests that failed."""
        self.js("1")
        bad = []
        for e in self.events:
            if e["method"] == "Runtime.exceptionThrown":
                bad.append(e["params"]["exceptionDetails"].get("exception", {}).get("description", "?"))
            elif e["method"] == "Log.entryAdded" and e["params"]["entry"]["level"] == "error":
                bad.append(e["params"]["entry"]["text"] + " " + e["params"]["entry"].get("url", ""))
        return bad

    def requests(self):
        self.js("1")
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def close(self):
        try:
            self.call("Browser.close")
            self.ws.close()
        except Exception:
            pass
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        self.process.stderr.close()
        shutil.rmtree(self.profile, ignore_errors=True)
