-- The local engine: tasks as processes of this machine. SPDX-License-Identifier: MIT
--
-- The engine is a process of its own session, `tellua task JOB engine`. It holds JOB/engine.lock
-- for its life; JOB/engine.pid says which process it is. It ends when there is nothing left to do.
local sys, batch = ...

local engine = {}
batch.engines["local"] = engine

local MOST_TRIES = 5

function engine.check() end

function engine.prepare(job)
  local lines = { "#!/bin/sh", "# Runs the job by hand, one task after the other.", "set -e",
    'cd "$(dirname "$0")"' }
  lines[#lines + 1] = "n=0"
  lines[#lines + 1] = "while [ $n -lt " .. job.tasks .. " ]; do ${TELLUA:-tellua} task . $n; n=$((n + 1)); done"
  lines[#lines + 1] = "${TELLUA:-tellua} task . merge"
  batch.check(sys.write(job:path "run.sh", table.concat(lines, "\n") .. "\n"))
end

-- The engine's process, nil when there is none
function engine.process(job)
  local pid, started = (batch.read(job:path "engine.pid") or ""):match "^(%d+) (%d+)"
  pid = tonumber(pid)
  if pid and sys.started(pid) == tonumber(started) then return pid end
end

-- One that works. Once it has said that the job is over it hears nothing any more.
local function at_work(job)
  return not job:state().ended and engine.process(job)
end

function engine.start(job)
  if at_work(job) then return end
  local words = job:command "engine"
  local pid = batch.check(sys.spawn(words, { out = job:path "engine.log", err = job:path "engine.log",
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
  if going and not s.ended and not engine.process(job) then
    s = job:state() -- it may have come to its end since
    if not s.ended then s.state, s.reason, s.running = "stopped", "the engine is gone; `tellua retry` goes on", {} end
  end
  return s
end

-- The engine reads control.json; it only has to be woken.
function engine.act(job)
  local pid = at_work(job)
  if pid then sys.kill(pid, "USR1") end
  return pid and true or false
end

-- ------------------------------------------------------------------------------------- the process

local Run = {}
Run.__index = Run

function Run:save(final)
  local running = {}
  for pid, r in pairs(self.running) do running[tostring(r.task)] = { pid = pid, since = r.since } end
  self.job:set_state { state = self.state, reason = self.reason, running = running, held = self.held,
    started = self.started, ended = final and sys.now() or nil, exit = self.exit, tries = self.retries,
    memory = self.memory, cpu = self.cpu }
  self.dirty = false
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

-- Again, later each time
function Run:again(n, reason)
  local tries = (self.tries[n] or 0) + 1
  self.tries[n] = tries
  self.retries = self.retries + 1
  if tries >= MOST_TRIES then return self:hold(n, "failed " .. tries .. " times: " .. reason) end
  local delay = self.job.options.backoff * 2 ^ (tries - 1)
  self.delayed[#self.delayed + 1] = { task = n, at = sys.now() + delay }
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
  local want = asked and "stop" or self.job:wanted()
  if want == self.want then return end
  self.dirty = true
  if self.want == "suspend" then self:signal "CONT" end
  if want == "suspend" then self:signal "STOP" end
  if want == "hold" or want == "cancel" or want == "stop" then
    self:signal "TERM"
  end
  if want == "cancel" then self.exit, self.over = batch.INTERRUPTED, true end
  if want == "stop" then self.over = true end
  if want == "run" and self.want == "hold" then -- released: what was held is tried again
    for k in pairs(self.held) do table.insert(self.todo, tonumber(k)) end
    self.held, self.tries = {}, {}
  end
  self.want = want
end

function Run:start_some()
  local now, later = sys.now(), {}
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

function Run:loop()
  local saved = 0
  repeat
    self:reap()
    self:start_some()
    self:state_now()
    if self.dirty and (sys.now() - saved > 0.3 or self.over) then
      self:save()
      saved = sys.now()
    end
    local wait = self.dirty and 0.3 or 5
    for _, d in ipairs(self.delayed) do wait = math.min(wait, math.max(0.01, d.at - sys.now())) end
    if not (self.over and self.nrunning == 0) then self:obey(sys.pause(wait)) end
  until self.over and self.nrunning == 0
end

-- Products are made by a process like the tasks, so that the engine stays small.
function Run:merge()
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
  if status == 0 then
    self.state, self.reason, self.exit = "done", nil, 0
  else
    self.state, self.exit = "failed", status
    self.reason = "the merge: " .. batch.tail(batch.read(job:path "merge.err"), 1)
  end
end

-- Until the jobs before it are done. False: it never can, or we were asked to stop.
function Run:wait_for_others()
  for _, dir in ipairs(self.job.after or {}) do
    local first = true
    while true do
      local ok, s = pcall(batch.look, dir)
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
  batch.check(sys.write(job:path "engine.pid", sys.pid .. " " .. sys.started(sys.pid) .. "\n"))
  local progress = job:progress()
  local run = setmetatable({ job = job, running = {}, nrunning = 0, held = {}, tries = {}, delayed = {},
    todo = job:todo(progress), next = 1, ndone = progress.ndone, slots = job.options.slots, want = "run",
    state = "running", started = sys.now(), retries = 0, memory = 0, cpu = 0 }, Run)
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
