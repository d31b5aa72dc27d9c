-- The local engine: tasks as processes of this machine. SPDX-License-Identifier: MIT
--
-- The engine is a process of its own session, `tellua task JOB engine`. It holds JOB/engine.lock
-- for its life; JOB/engine.pid says which process it is. It ends when there is nothing left to do.
local sys, batch = ...

local engine = {}
batch.engines["local"] = engine

local MOST_TRIES = 5
local ENOENT = 2 -- of Linux

function engine.check() end

function engine.prepare(job)
  local lines = { "#!/bin/sh", "# Runs the job by hand, one task after the other.", "set -e",
    'cd "$(dirname "$0")"' }
  lines[#lines + 1] = "n=0"
  lines[#lines + 1] = "while [ $n -lt " .. job.tasks .. " ]; do ${TELLUA:-tellua} task . $n; n=$((n + 1)); done"
  lines[#lines + 1] = "${TELLUA:-tellua} task . merge"
  batch.check(sys.write(job:path "run.sh", table.concat(lines, "\n") .. "\n"))
end

-- The engine's process, nil when there is none; nil and a name: it is on another machine.
function engine.process(job)
  local pid, started, host = (batch.read(job:path "engine.pid") or ""):match "^(%d+) (%d+) ?(%C*)"
  if pid and host ~= "" and host ~= sys.host then return nil, host end
  pid = tonumber(pid)
  if pid and sys.started(pid) == tonumber(started) then return pid end
end

-- One that works. Once it has said that the job is over it hears nothing any more.
local function at_work(job)
  if job:state().ended then return nil end
  return engine.process(job)
end

function engine.start(job)
  local pid, host = at_work(job)
  if pid or host then return end
  local words = job:command "engine"
  pid = batch.check(sys.spawn(words, { out = job:path "engine.log", err = job:path "engine.log",
    append = true, session = true, cwd = "/" }))
  -- It is there once it says so; it ends at once when another one is quicker.
  for _ = 1, 6000 do
    if engine.process(job) == pid then return end
    local ended, status = sys.wait()
    if ended == pid then
      -- It may be through already, well or not: the job's state says how.
      if status ~= 0 and not job:state().ended then
        batch.fail("config", "the engine ended with " .. status .. ": "
          .. batch.tail(batch.read(job:path "engine.log")))
      end
      return
    end
    sys.pause(0.01)
  end
  batch.fail("config", "the engine does not start; see " .. job:path "engine.log")
end

function engine.look(job)
  local s = job:state()
  local going = s.state == "running" or s.state == "waiting" or s.state == "held" or s.state == "suspended"
  local pid, host = engine.process(job)
  if going and not s.ended and not pid then
    s = job:state() -- it may have come to its end since
    if s.ended then return s end
    if host then
      s.reason = "its engine is on " .. host .. "; is that gone for good, remove engine.pid and `tellua retry`"
    else
      s.state, s.reason, s.running = "stopped", "the engine is gone; `tellua retry` goes on", {}
    end
  end
  return s
end

-- The engine reads control.json every few seconds; it only has to be woken.
function engine.act(job)
  local pid, host = at_work(job)
  if pid then sys.kill(pid, "USR1") end
  return (pid or host) and true or false
end

-- ------------------------------------------------------------------------------------- the process

local Run = {}
Run.__index = Run

function Run:save(final)
  local running = {}
  for pid, r in pairs(self.running) do running[tostring(r.task)] = { pid = pid, since = r.since } end
  local saved, why = pcall(self.job.set_state, self.job, { state = self.state, reason = self.reason,
    running = running, held = self.held, started = self.started, ended = final and sys.now() or nil,
    exit = self.exit, tries = self.retries, memory = self.memory, cpu = self.cpu })
  -- A disk that is full now may have room later: no reason to end.
  if not saved and not self.unsaved then sys.log(tostring(why)) end
  self.unsaved = not saved
  self.dirty = not saved
end

function Run:note(text)
  sys.log(text)
  self.dirty = true
end

function Run:launch(n)
  local job, base = self.job, self.job:base(n)
  sys.mkdir(job:path("tasks", job:shard(n)))
  os.remove(base .. ".failed")
  local words = job:command(n)
  table.insert(words, "--under")
  table.insert(words, tostring(sys.pid))
  local pid, why = sys.spawn(words, { out = base .. ".out", err = base .. ".err", append = true, cwd = "/" })
  if not pid then return self:again(n, "it cannot be started: " .. why) end
  self.running[pid] = { task = n, since = sys.now() }
  self.nrunning = self.nrunning + 1
  self.dirty = true
end

function Run:signal(name)
  for pid in pairs(self.running) do sys.kill(-pid, name) end
end

function Run:fail(exit, reason)
  self.state, self.reason, self.exit, self.over = "failed", reason, exit, true
  self:note(reason)
  self:signal "TERM"
end

function Run:hold(n, reason)
  self.held[tostring(n)] = reason
  self:note("task " .. n .. " is held: " .. reason)
end

function Run:delay(tries) return self.job.options.backoff * 2 ^ (tries - 1) end

-- Again, later each time
function Run:again(n, reason)
  local tries = (self.tries[n] or 0) + 1
  self.tries[n] = tries
  self.retries = self.retries + 1
  if tries >= MOST_TRIES then return self:hold(n, "failed " .. tries .. " times: " .. reason) end
  local delay = self:delay(tries)
  self.delayed[#self.delayed + 1] = { task = n, at = sys.steady() + delay }
  self:note(string.format("task %d: %s; again in %.3g s", n, reason, delay))
end

function Run:ended(pid, status, usage)
  local r = self.running[pid]
  if not r then return end
  self.running[pid] = nil
  self.nrunning = self.nrunning - 1
  self.dirty = true
  self.memory = math.max(self.memory, usage.memory)
  self.cpu = self.cpu + usage.cpu
  local n, job = r.task, self.job
  local why = job:failure(n)
  local text = why and why.text or ("task " .. n .. " ended with " .. status)
  if status == batch.DONE and sys.stat(job:base(n) .. ".done") then
    self.ndone = self.ndone + 1
  elseif status == batch.EVICTED then
    table.insert(self.todo, self.next, n)
  elseif status == batch.DATA then
    self:hold(n, text)
  elseif status == batch.CODE or status == batch.USAGE or status == batch.CONFIG then
    self:fail(status, text)
  elseif not self.over then
    self:again(n, status > 128 and "ended by signal " .. status - 128 or text)
  end
end

function Run:reap()
  while true do
    local pid, status, usage = sys.wait()
    if not pid then return end
    self:ended(pid, status, usage)
  end
end

-- What the user asked for since
function Run:obey(asked)
  local want, serial = self.job:wanted()
  if asked then want = "stop" end
  local again = serial ~= self.serial
  self.serial = serial
  if want == self.want and not again then return end
  self.dirty = true
  if self.want == "suspend" then self:signal "CONT" end
  if want == "suspend" then self:signal "STOP" end
  if want == "hold" or want == "cancel" or want == "stop" then
    self:signal "TERM"
  end
  if want == "cancel" then self.exit, self.over = batch.INTERRUPTED, true end
  if want == "stop" then self.over = true end
  if want == "run" and self.want ~= "suspend" then -- released: what was held is tried again
    for k in pairs(self.held) do table.insert(self.todo, tonumber(k)) end
    self.held, self.tries = {}, {}
  end
  self.want = want
end

function Run:start_some()
  local now, later = sys.steady(), {}
  for _, d in ipairs(self.delayed) do
    if d.at <= now then table.insert(self.todo, self.next, d.task)
    else later[#later + 1] = d end
  end
  self.delayed = later
  while self.want == "run" and not self.over and self.nrunning < self.slots and self.todo[self.next] do
    self:launch(self.todo[self.next])
    self.todo[self.next] = false
    self.next = self.next + 1
  end
end

function Run:state_now()
  if self.over then return end
  local nothing_left = not self.todo[self.next] and #self.delayed == 0 and self.nrunning == 0
  local before = self.state
  if self.want == "hold" then self.state, self.reason = "held", "held by the user"
  elseif self.want == "suspend" then self.state, self.reason = "suspended", "suspended by the user"
  elseif nothing_left and next(self.held) then
    local k = batch.sorted(self.held)[1]
    self.state, self.reason, self.exit, self.over = "held", "task " .. k .. ": " .. self.held[k], batch.CODE, true
  elseif nothing_left then
    self.over = true
  else self.state, self.reason = "running", nil end
  if before ~= self.state then self.dirty = true end
end

-- A folder that was moved or removed is none of ours any more, nor what lies in its place.
function Run:check_place()
  local kind, _, code, id = sys.stat(self.job:path "engine.lock")
  if id == self.id or not kind and code ~= ENOENT then return end
  self:signal "TERM"
  batch.fail("transient", self.job.dir .. " was moved or removed: the engine ends; `tellua retry` goes on")
end

function Run:loop()
  local saved = 0
  repeat
    self:reap()
    self:check_place()
    self:start_some()
    self:state_now()
    -- What is the last is said once the engine hears nothing more: in the end, or by the merge.
    local last = self.over and self.nrunning == 0
    if self.dirty and not last and (sys.steady() - saved > 0.3 or self.over) then
      self:save()
      saved = sys.steady()
    end
    local wait = self.dirty and 0.3 or 5
    for _, d in ipairs(self.delayed) do wait = math.min(wait, math.max(0.01, d.at - sys.steady())) end
    if not last then self:obey(sys.pause(wait)) end
  until last
end

-- Products are made by a process like the tasks, so that the engine stays small. How it ended
function Run:assemble()
  local job = self.job
  self.state, self.reason = "running", "assembling the products"
  self:save()
  local words = job:command "merge"
  table.insert(words, "--under")
  table.insert(words, tostring(sys.pid))
  local pid = batch.check(sys.spawn(words,
    { out = job:path "merge.out", err = job:path "merge.err", append = true, cwd = "/" }))
  local ended, status
  repeat
    ended, status = sys.wait()
    if ended ~= pid then
      self:obey(sys.pause(1))
      if self.want == "cancel" or self.want == "stop" then sys.kill(-pid, "TERM") end
    end
  until ended == pid
  if status > 128 then return batch.TRANSIENT, "ended by signal " .. status - 128 end
  if status == batch.EVICTED then status = batch.TRANSIENT end
  return status, batch.tail(batch.read(job:path "merge.err"), 1)
end

-- Before the merge is tried once more. False: the user wants none.
function Run:rest(seconds, why)
  self.retries = self.retries + 1
  self.reason = string.format("the merge: %s; again in %.3g s", why, seconds)
  self:note(self.reason)
  self:save()
  local till = sys.steady() + seconds
  repeat
    self:obey(sys.pause(math.max(0, till - sys.steady())))
    if self.want == "cancel" or self.want == "stop" then return false end
  until sys.steady() >= till
  return true
end

-- Again after a passing fault, as tasks are: the disk was full, or a killed engine's merge still at it.
function Run:merge()
  local try, status, why = 0
  repeat
    try = try + 1
    status, why = self:assemble()
  until status ~= batch.TRANSIENT or try == MOST_TRIES or not self:rest(self:delay(try), why)
  if status == 0 then
    self.state, self.reason, self.exit = "done", nil, 0
  else
    self.state, self.exit, self.reason = "failed", status, "the merge: " .. why
  end
end

-- Until the jobs before it are done. False: it never can, or we were asked to stop.
function Run:wait_for_others()
  for _, dir in ipairs(self.job.after or {}) do
    local first = true
    while true do
      local ok, s = pcall(batch.look_on, dir)
      if not ok then self:fail(batch.CODE, "the job before it is gone: " .. dir) return false end
      if s.state == "done" then break end
      if s.state == "failed" or s.state == "cancelled" then
        self:fail(batch.CODE, dir .. ", which comes before it, ended as " .. s.state)
        return false
      end
      if first then
        self.state, self.reason, first = "waiting", "for " .. dir, false
        self:save()
      end
      local asked = sys.pause(0.5)
      if asked or self.job:wanted() == "cancel" then self:obey(asked) return false end
    end
  end
  return true
end

-- False: another one works. One that has said that the job is over lets go at once.
local function become_the_only_one(job)
  for _ = 1, 500 do
    if sys.lock(job:path "engine.lock", true) then return true end
    if not job:state().ended then return false end
    sys.pause(0.02)
  end
  return false
end

function batch.commands.engine(a)
  local job = batch.open(a.job)
  if job:engine_of().mind then return job:engine_of().mind(job) end
  if not become_the_only_one(job) then return 0 end
  sys.signals()
  -- Before anybody sees the process: how the last one ended is no longer true.
  job:set_state { state = "running", started = sys.now(), running = {}, held = {} }
  batch.check(sys.write(job:path "engine.pid", sys.pid .. " " .. sys.started(sys.pid) .. " " .. sys.host .. "\n"))
  local progress = job:progress()
  local run = setmetatable({ job = job, running = {}, nrunning = 0, held = {}, tries = {}, delayed = {},
    todo = job:todo(progress), next = 1, ndone = progress.ndone, slots = job.options.slots, want = "run",
    state = "running", started = sys.now(), retries = 0, memory = 0, cpu = 0,
    id = select(4, sys.stat(job:path "engine.lock")) }, Run)
  run:save()
  if run:wait_for_others() then
    run:obey(false)
    run:loop()
    if run.state == "running" and run.want == "run" then run:merge() end
  end
  if run.state == "done" then run.want = "run" end -- too late for anything else
  if run.want == "cancel" then run.state, run.reason = "cancelled", "cancelled by the user" end
  if run.want == "stop" then run.state, run.reason = "stopped", "the engine was ended; `tellua retry` goes on" end
  run:save(true)
  os.remove(job:path "engine.pid")
  return run.exit or 0
end
