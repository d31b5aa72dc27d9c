#!/usr/bin/python3
# The jail with a broken Lua in it, with steps that fail, and its wall. SPDX-License-Identifier: MIT
# test-timeout: 300
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap

BUILD = os.environ.get("BUILD", "build/release")
FAULTY = os.path.join(BUILD, "tests/jail/faulty")
TMP = os.environ.get("TMPDIR", "/tmp")

# --- the wall -------------------------------------------------------------------------------------
wall = subprocess.run([os.path.join(BUILD, "tests/jail/wall")], capture_output=True, text=True)
lines = [s for s in wall.stdout.splitlines() if s.startswith(("ok", "not ok"))]
tap.ok(wall.returncode == 0 and len(lines) >= 15, "the wall holds: %d of %d tries" % (sum(s.startswith("ok") for s in lines), len(lines)), wall.stdout, wall.stderr)
for s in wall.stdout.splitlines():
    if s.startswith("#") or s.startswith("not ok"):
        tap.note(s)

# --- a Lua that is broken on purpose ----------------------------------------------------------------
ATTACKS = {
    "null": 'fault("null")',
    "wild": 'fault("null", 0x4141414141410000)',
    "abort": 'fault("abort")',
    "exit": 'fault("exit")',
    "double free": 'fault("double free")',
    "getpid": 'fault("syscall", 39)',
    "fork": 'fault("syscall", 57)',
    "socket": 'fault("syscall", 41)',
    "bells": 'fault("bells") while true do end',
    "spin": 'fault("spin")',
    "concat": """local function deep(n) if n == 0 then return 0 end return 1 + deep(n - 1) end
local o = setmetatable({}, { __concat = function() deep(15000) return "x" end })
local s = "a" .. "b" .. o .. "c" .. "d" """,
    "emergency": """local mt = setmetatable({ __newindex = {} }, { __mode = "v" })
local t = setmetatable({}, mt)
for i = 1, 1e7 do t[i] = 1 end""",
    "weak": """local keep, big = {}, {}
for i = 1, 500 do keep[i] = setmetatable({}, { __mode = "kv" }) end
for i = 1, 100000 do big[i] = { i } end
for r = 1, 300000 do
  setmetatable(keep[r % 500 + 1], { __mode = "kv" })
  local m = getmetatable(keep[(r * 7) % 500 + 1])
  if m and m.__mode ~= "kv" then error("corrupt") end
end""",
    "close chain": """local prev
for i = 1, 30000 do
  local p = prev
  prev = coroutine.create(function()
    local x <close> = setmetatable({}, { __close = function() if p then coroutine.close(p) end end })
    coroutine.yield()
  end)
  coroutine.resume(prev)
end
coroutine.close(prev)""",
}
MUST_CRASH = {"null", "wild", "abort", "exit", "double free", "getpid", "fork", "socket"}
crashed = 0
for name, text in ATTACKS.items():
    path = tap.script(text, "attack.lua")
    r = tap.tellua("sandbox", "--profile", "batch", path, env=tap.environment(TELLUA_WORKER=FAULTY))
    last = (r.out.split() or [""])[-1]
    canary = [s for s in r.out.splitlines() if s.startswith("canary: harmless")]
    crashed += last == "crashed"
    # The canary runs in a broken Lua too; what counts is that it gets a worker and an answer.
    tap.ok(r.status == 0 and canary and (last == "crashed" if name in MUST_CRASH else last != "leak"),
           "a broken Lua, %s: the worker's end is contained (%s), the canary passes" % (name, last), r)
tap.note("%d of %d attacks on a broken Lua crashed their workers" % (crashed, len(ATTACKS)))

# --- doctor -----------------------------------------------------------------------------------------
r = tap.tellua("doctor")
tap.ok("jail: seccomp: yes" in r.out and "jail: Landlock:" in r.out and "jail: namespaces:" in r.out, "doctor shows the walls", r)
for s in r.out.splitlines():
    if s.startswith("jail:"):
        tap.note(s)
r = tap.tellua("doctor", env=tap.environment(TELLUA_WORKER="/bin/false"))
tap.ok(r.status == 0 and "jail: none" in r.out, "doctor says when there is no jail", r)
tap.done()
