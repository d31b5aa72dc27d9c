#!/usr/bin/python3
"""The prompt, through pipes and through a pseudo-terminal. SPDX-License-Identifier: MIT"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import TELLUA, done, gdal, np, ok, tellua, write  # noqa: E402

FOLDER = tempfile.mkdtemp(prefix="repl")
TOP = os.getcwd()
PROGRAM = os.path.abspath(TELLUA)
ENV = dict(os.environ, HOME=FOLDER, XDG_STATE_HOME=os.path.join(FOLDER, "state"), TERM="xterm-256color",
           LC_ALL="C.UTF-8")
HISTORY = os.path.join(FOLDER, "state", "tellua", "history")
WAIT = 60 * float(os.environ.get("TELLUA_TEST_SLOW", "1"))  # seconds until a test gives up


# --- a terminal -------------------------------------------------------------------------------------
class Terminal:
    def __init__(self, *args, **env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(FOLDER)
            os.execve(PROGRAM, [PROGRAM, *args], dict(ENV, **env))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.all = ""
        self.number = 0

    def until(self, pattern, what=""):
        """Reads until the regular expression is there; returns what came before and the match."""
        compiled, came, end = re.compile(pattern, re.S), "", time.monotonic() + WAIT
        while not compiled.search(came):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise RuntimeError("%s: no %r within %g s in %r" % (what, pattern, WAIT, came[-2000:]))
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                raise RuntimeError("%s: the end, not %r; %r" % (what, pattern, came[-2000:]))
            came += data.decode("utf-8", "replace")
        self.all += came
        return came

    def prompt(self):
        """To the next prompt of a new entry."""
        came = self.until(r"\[(\d+)\]> $", "prompt")
        self.number = int(re.findall(r"\[(\d+)\]> $", came)[-1])
        return re.sub(r"\x1b\[\?2004[hl]", "", came).replace("\r\n", "\n")

    def type(self, text):
        os.write(self.fd, text.encode())

    def enter(self, line):
        """The line's own echo and the next prompt cut off."""
        self.type(line + "\n")
        came = self.prompt()
        return came.split("\n", 1)[1].rsplit("\n", 1)[0] if came.count("\n") > 1 else ""

    def end(self, keys="\x04"):
        if keys:
            self.type(keys)
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self.all += data.decode("utf-8", "replace")
        status = os.waitpid(self.pid, 0)[1]
        self.modes = termios.tcgetattr(self.fd)[3]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def piped(text, *args, env=None):
    p = subprocess.run([PROGRAM, *args], input=text, capture_output=True, text=True, cwd=FOLDER,
                       env=dict(ENV, **(env or {})))
    return p.returncode, p.stdout, p.stderr


def piped_gives(text, wanted, name, *args, status=0, says=()):
    code, out, err = piped(text, *args)
    lost = [s for s in says if s not in err]
    return ok(code == status and out == wanted and not lost, name,
              "status %d, not %d; missing %s\n%s\n%s" % (code, status, lost, out, err))


for maker in ("make_scene.py", "make_collection.py"):
    subprocess.run(["/usr/bin/python3", os.path.join(TOP, "tests", maker)], cwd=FOLDER, check=True)


# --- pipes ------------------------------------------------------------------------------------------
piped_gives("1 + 1\n", "2\n", "an expression's value is printed, a pipe has no prompt")
piped_gives("#{ 1, 2 }\n", "2\n", "a length is no comment")
piped_gives("", "", "nothing to read is no error")
piped_gives("x = 2\nprint(x + 1)\nx, nil, 'a'", "3\n2\tnil\ta\n", "the last line needs no line break")
piped_gives("for i = 1, 2 do\n  print(i)\nend\nf = function(a)\n  return a\n\nend\nf(\n7)\n", "1\n2\n7\n",
            "unfinished lines go on")
piped_gives("1\nerror('boom')\n2\n", "1\n2\n", "an error does not end the session, but its exit status is 1",
            status=1, says=["[2]:1: boom"])
piped_gives("function f()\n\n  return nil + 1\nend\nf()\n", "", "an error has the line of its chunk", status=1,
            says=["[1]:3: attempt to perform arithmetic on a nil value"])
piped_gives("y = = 1\n", "", "a syntax error shows its place", status=1, says=["[1]:1:", "y = = 1", "^"])
piped_gives("for i = 1, 2 do\n", "", "what never ends is an error", status=1, says=["<eof>"])
piped_gives("local a <const>, b = 1, 2\nlocal c\na + b, c\n", "3\tnil\n", "a local is kept as a variable",
            says=["a, b: local at the prompt is kept"])
code, out, err = piped("local a = 1\nlocal b = 2\n")
ok(err.count("is kept") == 1, "that is told once", err)
piped_gives("local function f(n) local k = 2; return n > 0 and n + f(n - 1) or k end\nf(3), k\n", "8\tnil\n",
            "so is a local function; what is local within it stays so")
piped_gives("do local z = 1 end\nz, 'local x', [[\nlocal x = 1]] -- local q = 1\nx, q\n",
            "nil\tlocal x\tlocal x = 1\nnil\tnil\n",
            "blocks, texts and comments are left alone")
piped_gives("for i = 1, 600000 do end\nfor i = 1, 600000 do end\n1\nwhile true do end\n2\n", "1\n2\n",
            "each entry has a whole budget", "--budget", "1e6", status=1, says=["[4]:1", "1000000 instructions"])
piped_gives("p = param('a', 1)\np = param('a', 2)\np\n", "2\n", "a parameter may be declared again")
piped_gives("7\n_ + 1\n", "7\n8\n", "_ is the last value")
piped_gives("{ 1, 'a\\nb', k = { l = {} } }\n{}\n", '{ 1, "a\\nb", k = { l = {} } }\n{}\n', "tables are printed")
piped_gives(":nonsense\n", "", "an unknown command is named", status=2, says=["no command :nonsense"])
for word in (":quit", "exit", "quit()"):
    piped_gives(word + "\n1\n", "", word + " ends")
code, out, err = piped(":time 1 + 1\n")
ok(re.fullmatch(r"2\n\d+\.\d{3} s\n", out), ":time tells seconds", out)

code, out, err = piped('img = Image "scene.tif"\nimg\nc = Collection "scenes.json"\nc\nimg.B99\nImage "gone.tif"\n')
ok("Image of 6 bands" in out and "B08 uint16" in out and "60 x 40 cells of 10 x 10, EPSG:32633" in out,
   "an Image prints bands, types and grid", out)
ok(re.search(r"scenes +\d+, \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d", out), "a Collection prints its size and dates", out)
ok("[5]:1: no band" in err and "[6]:1: gone.tif" in err, "errors of single expressions have their line", err)
code, out, err = piped('help "filterOnDay"\nhelp "updateMask"\nhelp "filter_day"\nhelp "show"\nhelp "filter_dya"\nhelp()\n')
ok("filterOnDay is filter_day here" in out and "updateMask is mask here" in out and
   "of that day" in out and "show(img, options)" in out and "there is filter_day" in out and ":time CODE" in out,
   "help knows names, those of other systems, and what is near", out + err)
code, out, err = piped('help "cloud"\nhelp "weights"\n')
ok("there are filter_cloud, mask_clouds" in out and re.search(r"called weights; it is\s+spoken of at .*zonal", out),
   "help finds what has the word in its name, and what is explained with it", out + err)
code, out, err = piped(":explain Image('scene.tif').B04 + 1\n:explain 5\n")
ok("read    exactly" in out and "wants an Image, got number" in err, ":explain tells the plan", out + err)


# --- pictures ---------------------------------------------------------------------------------------
def pixels(path):
    return gdal.Open(os.path.join(FOLDER, path)).ReadAsArray()


with open(os.path.join(FOLDER, "s.lua"), "w") as f:
    f.write('output("s", Image("scene.tif").B08, {ramp = "viridis"})\n')
cwd = os.getcwd()
os.chdir(FOLDER)
tellua("view", "s.lua", "--center", "15.003,45.152", "--zoom", "14.5", "--size", "300x200", "--png", "at.png")
tellua("view", "s.lua", "--size", "300x200", "--png", "whole.png")
os.chdir(cwd)
code, out, err = piped('view { size = { 300, 200 } }\nb = Image("scene.tif").B08\nshow(b, { ramp = "viridis", png = "w.png" })\n'
                       'view { lon = 15.003, lat = 45.152, zoom = 14.5 }\nshow(b:ramp "viridis", { png = "a.png" })\n'
                       'output("s", b, { ramp = "magma" })\noutput("s", b, { ramp = "viridis" })\n')
ok(code == 0 and np.array_equal(pixels("w.png"), pixels("whole.png")), "show equals tellua view of the whole", err)
ok(np.array_equal(pixels("a.png"), pixels("at.png")), "show equals tellua view at a centre and zoom", err)
ok(err.count("300 x 200 cells of") == 3 and "approximate: scene.tif read nearest" in err,
   "each output of an entry is shown at the view, a name may come again, and what is approximate is told", err)
ok("\x1b[" in out, "without png the terminal's characters are used", out[:200])

ramp = np.tile(np.arange(512, dtype="uint16"), (512, 1))
write(os.path.join(FOLDER, "ramp.tif"), [ramp], names=["x"])
code, out, err = piped('img = Image "ramp.tif"\nview { size = { 512, 512 } }\nr = img:check { n = 100 }\n'
                       "r.n, r[1].compared, r[1].equal, r[1].most\nview { size = { 64, 64 } }\n"
                       "r = (img + img:near(1, 0)):check { n = 100, seed = 7 }\nr[1].compared, r[1].mean, r[1].most, r\n")
lines = out.splitlines()
ok(code == 0 and lines[1] == "100\t100\t100\t0.0", "check: at the Image's own grid every cell is true", out + err)
ok(len(lines) > 5 and int(lines[3]) > 90 and lines[4:6] == ["7.0", "7.0"] and
   lines[6].startswith("100 random cells of the view (80 metre)"),
   "check: a neighbour of 80 m instead of 10 m differs by 7 cells of the ramp", out + err)
code, out, err = piped('img = Image "scene.tif"\nzoom(img)\nv = view()\nzoom "+1"\npan(0.5, 0)\nw = view()\n'
                       'w.zoom - v.zoom, w.lon > v.lon, math.abs(w.lat - v.lat) < 1e-9\npan "west"\n'
                       "math.abs(view().lon - v.lon) < 1e-9\nzoom(99)\nplace(1)\nview { x = 1 }\nshow(5)\n")
ok("1.0\ttrue\ttrue" in out and out.count("true") == 3, "zoom and pan move the view", out + err)
ok("30, got 99" in err and "wants a name" in err and "no option 'x'" in err and "got number" in err,
   "what they cannot do is one error each", err)
with open(os.path.join(FOLDER, "towns.csv"), "w") as f:
    f.write("name,country,lon,lat,population,region\nIspra,IT,8.61,45.81,5200,Lombardy\n")
code, out, err = piped('place "Ispra"\nview().lon, view().lat, view().zoom > 10\n', "--gazetteer", "towns.csv")
ok("Ispra, Lombardy, IT" in out and "8.61\t45.81\ttrue" in out, "place goes to a place of the gazetteer", out + err)

# --- the terminal -----------------------------------------------------------------------------------
t = Terminal()
ok("help()" in t.prompt(), "a terminal is greeted")
ok(t.enter("6 * 7") == "42", "a line is run", t.all)
t.enter('img = Image "scene.tif"; c = Collection "scenes.json"')


def completes(typed, wanted, name):
    """What Tab makes of it; then the line is thrown away."""
    t.type(typed + "\t")
    good, why = True, ""
    try:
        t.until(wanted, name)
    except RuntimeError as e:
        good, why = False, str(e)
    t.type("\x15\x03")
    t.prompt()
    return ok(good, name, why)


completes("Colle", "ction", "Tab completes a global name")
completes("img:normalized_d", "ifference", "Tab completes a method of an Image")
completes("img.B", r"B02 +B03 +B04 +B06 +B08 +B11", "Tab lists bands")
completes('img:select("B0', r"B02 +B03", "Tab lists bands within a text")
completes('Image("scene.tif"):focal_me', "an", "Tab completes behind a call")
completes("c:filter_pl", "ace", "Tab completes a method of a Collection")
completes('c:filter("clo', "ud", "Tab completes a property")
completes('c:median():rescal', "e", "Tab knows that a reducer gives an Image")
completes('Image "sce', 'n', "Tab completes the name of a file")
for name in ("données-é1.tif", "données-è2.tif"):
    open(os.path.join(FOLDER, name), "w").close()
got = [t.enter('print("donn\té1.tif")'), t.enter('print("données-é\t)')]
ok(got == ["données-é1.tif"] * 2, "Tab counts characters, and completes whole ones", got)
completes('help "normalizedD', 'ifference"', "Tab completes names of help")
completes(":expl", "ain ", "Tab completes commands")
completes("  string.rev", "erse", "Tab completes fields of tables")
t.enter("t = setmetatable({}, {__index = function() error 'called' end})")
completes("t.x.y.", "", "Tab runs nothing of the script")

first = t.number
t.type("for i = 1, 2 do\n")
t.until(r"\[%d\]\| $" % first, "continuation")
t.type("print(i * 11)\nend\n")
ok("11\n22\n" in t.prompt(), "an unfinished line asks for more", t.all)
t.type("\x1b[A")
t.until("end", "history")
t.type("\n")
ok("11\n22\n" in t.prompt(), "the arrow up gives the whole entry again", t.all)
block = "local u = 5\nlocal v = u + 1\nprint(u, v)\nerror('here')\n"
t.type("\x1b[200~" + block + "\x1b[201~")
t.until("here", "paste")
first = t.number
t.type("\n")
came = t.prompt()
ok("5\t6\n" in came and "[%d]:4: here" % first in came and "kept as a variable" in came,
   "a pasted block is one chunk", came)
ok(t.enter("u + v") == "11", "and its locals are kept", t.all)
big = "".join("big%d = %d\n" % (i, i) for i in range(400))
t.type("\x1b[200~" + big + "\x1b[201~")
t.until("399", "big paste")
t.type("\n")
t.prompt()
ok(t.enter("big0, big399") == "0\t399", "a block may be longer than the screen", t.all[-500:])
ok(t.enter('"für, 日本"') == "für, 日本", "letters beyond ASCII are typed", t.all[-300:])


# --- Ctrl-C -----------------------------------------------------------------------------------------
def stops(line, name):
    t.type("print 'begun'; " + line + "\n")
    t.until(r"begun\r\n", name)
    start = time.monotonic()
    t.type("\x03")
    came = t.prompt()
    return ok("interrupted" in came and t.enter("u") == "5", name + " (%.1f s)" % (time.monotonic() - start), came)


t.type("not finished (\x03")
t.prompt()
ok(t.enter("u") == "5", "Ctrl-C throws a half line away", t.all[-300:])
t.type("for i = 1, 2 do\n")
t.until(r"\| $", "continuation")
t.type("\x03")
t.prompt()
ok(t.enter("u") == "5", "and an unfinished entry", t.all[-300:])
stops("while true do end", "Ctrl-C stops a loop and keeps the session")
stops("while true do pcall(function() while true do end end) end", "pcall cannot keep it")
t.enter("function heavy() local r = img.B08; for i = 1, 6 do r = r:focal_mean(7):sqrt() + r end; return r end")
stops("show(heavy(), {size = {9000, 9000}, png = 'h.png', min = 0, max = 1})", "Ctrl-C stops a picture being computed")
ok(not [f for f in os.listdir(FOLDER) if "h.png" in f], "of which nothing is left", os.listdir(FOLDER))
stops("for i = 1, 1000 do heavy():legend{ramp = 'gray'} end", "Ctrl-C stops statistics of a stretch")

# --- the life of a session ----------------------------------------------------------------------------
t.type("1 + 1")
t.until("1 \\+ 1")
fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
os.kill(t.pid, signal.SIGWINCH)
t.type(" + 1\n")
ok("3\n" in t.prompt(), "a window that changes its size does no harm", t.all[-300:])
ok(t.enter("show(img.B08, {ramp = 'viridis'})").count("\x1b[") > 100, "show draws in the terminal", t.all[-300:])
status = t.end()
ok(status == 0, "Ctrl-D ends with 0, errors before it or not", "%s %s" % (status, t.all[-300:]))
ok(oct(os.stat(HISTORY).st_mode & 0o777) == "0o600", "the history is its owner's alone", oct(os.stat(HISTORY).st_mode))
entries = open(HISTORY, encoding="utf-8").read()
ok("for i = 1, 2 do\\nprint(i * 11)\\nend\n" in entries, "an entry of several lines is one line there", entries[:500])

t = Terminal()
t.prompt()
t.type("\x1b[A")
t.until("viridis", "history of the last session")
t.type("\x1b[A\x1b[A")
t.until("u", "further back")
t.type("\x15\x12print(i")
t.until(r"print\(i \* 11\)", "search")
t.type("\x03")
t.prompt()
ok(True, "a later session recalls and searches what an earlier one entered")
t.type("x = 1")
os.kill(t.pid, signal.SIGTERM)
ok(t.end("") == 130, "SIGTERM ends with 130")
ok(t.modes & termios.ECHO and t.modes & termios.ICANON and not t.modes & termios.NOFLSH and t.all.rfind("\x1b[?2004l") > t.all.rfind("\x1b[?2004h"),
   "and leaves the terminal as it was", "%x %s" % (t.modes, t.all[-100:]))

t = Terminal("--quiet", XDG_STATE_HOME="/proc/nowhere")
t.prompt()
ok(t.enter("1") == "1", "where no history can be kept all else works", t.all)
t.end()

p = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                     cwd=FOLDER, env=ENV)
p.stdin.write("print 'begun'\nwhile true do end\nprint 'more'\n")
p.stdin.flush()
first = p.stdout.readline()
p.send_signal(signal.SIGINT)
out, err = p.communicate()
ok(first == "begun\n" and "more" not in out and "interrupted" in err and p.returncode == 130,
   "Ctrl-C ends a session that reads a pipe: 130", (first, out, err, p.returncode))
done()
