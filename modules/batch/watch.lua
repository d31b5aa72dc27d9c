-- status, wait, logs: how a job goes. SPDX-License-Identifier: MIT
local sys, batch = ...

local function count(t)
  local n = 0
  for _ in pairs(t or {}) do n = n + 1 end
  return n
end

-- What all engines say alike: state, reason, done, total, running, held, failed, idle, eta. seen:
-- what the engine's query said; false when its scheduler does not answer, and the folder alone is
-- asked.
function batch.look(path, seen)
  local job = type(path) == "table" and path or batch.open(path)
  local s, progress
  if seen == false then
    s = job:state()
    if job:merged() then s.state = "done"
    elseif s.state ~= "new" then s.reason = job.engine .. " does not answer" end
  else
    s = job:engine_of().look(job, seen)
  end
  local r = { job = job.dir, id = job.id, name = job.name, engine = job.engine, user = job.user,
    state = s.state, reason = s.reason, total = job.tasks, started = s.started, ended = s.ended, exit = s.exit,
    held_tasks = s.held or {}, running_tasks = batch.sorted(s.running or {}), scheduler = s.scheduler,
    created = job.created, retries = s.tries or 0 }
  if job:merged() and s.state ~= "running" then r.done = job.tasks
  else
    progress = job:progress()
    r.done = progress.ndone
  end
  r.running, r.held = s.nrunning or count(s.running), count(s.held)
  r.failed = 0
  if s.state == "failed" and progress then r.failed = count(progress.failed) end
  r.idle = math.max(0, r.total - r.done - r.running - r.held - r.failed)
  local per = job.options.threads
  r.cpus = r.running * per
  r.memory = r.running * (job.options.task_memory or 0)
  local spent = (s.ended or sys.now()) - (s.started or sys.now())
  r.seconds = s.started and spent or 0
  if s.started and r.done > 0 and r.done < r.total and not s.ended then r.eta = spent * (r.total - r.done) / r.done end
  return r, job
end

-- The same for who waits: a scheduler that does not answer now may do so later. Until then the folder is asked;
-- the third result is why.
function batch.look_on(path)
  local job = type(path) == "table" and path or batch.open(path)
  local ok, s = pcall(batch.look, job)
  if ok then return s, job end
  if not job:engine_of().query then error(s, 0) end
  return batch.look(job, false), job, tostring(s)
end

local function exit_of(s)
  if s.state == "done" then return 0 end
  if s.state == "cancelled" then return batch.INTERRUPTED end
  if s.state == "stopped" then return batch.TRANSIENT end
  local exit = s.exit or 1
  return exit == batch.DATA and 1 or exit == 0 and 1 or exit
end

function batch.commands.status(a)
  local s = batch.look(a.job)
  if a.json then
    print(sys.to_json(s, true))
    return 0
  end
  print(string.format("%s: %s%s", s.name, s.state, s.reason and ", " .. s.reason or ""))
  print(string.format("%d of %d tasks done, %d running, %d idle, %d held, %d failed%s", s.done, s.total, s.running,
    s.idle, s.held, s.failed, s.eta and ", some " .. batch.clock(s.eta) .. " left" or ""))
  for _, n in ipairs(batch.sorted(s.held_tasks)) do print("task " .. n .. " is held: " .. s.held_tasks[n]) end
  return 0
end

local ENDED = { done = true, failed = true, cancelled = true, stopped = true }

local function is_over(s)
  return ENDED[s.state] or s.state == "held" and s.running == 0 and s.held > 0 and s.idle == 0
end

function batch.commands.wait(a)
  sys.signals()
  local said, job, unheard = nil, nil, nil
  while true do
    local s, why
    local asked = sys.steady()
    s, job, why = batch.look_on(job or a.job)
    if why and not unheard then sys.log(why .. "; asking again") end
    unheard = why
    local line = string.format("%d of %d tasks done, %d running, %d held", s.done, s.total, s.running, s.held)
    if line ~= said and not a.quiet then sys.log(line) end
    said = line
    if is_over(s) then
      if a.json then print(sys.to_json(s, true)) end
      local exit = exit_of(s)
      if exit ~= 0 and not a.json then sys.log(s.state .. ": " .. (s.reason or "")) end
      return exit
    end
    -- A scheduler has others to answer; a large folder on a slow disk takes its time.
    local least = job.engine == "local" and 0.2 or 2
    if sys.pause(math.max(least, 10 * (sys.steady() - asked))) then return batch.INTERRUPTED end
  end
end

-- --- logs ----------------------------------------------------------------------------------------

-- Prints what a file has from `at` on; returns where it ends.
local function print_from(path, at)
  local f = io.open(path, "rb")
  if not f then return at end
  f:seek("set", at)
  local text = f:read "a"
  f:close()
  io.stdout:write(text)
  return at + #text
end

local function follow(job, n)
  local engine, at = job:engine_of(), {}
  sys.signals()
  while true do
    local s = batch.look(job)
    if engine.fetch_logs then engine.fetch_logs(job, n) end
    for _, kind in ipairs { "out", "err" } do
      at[kind] = print_from(job:base(n) .. "." .. kind, at[kind] or 0)
    end
    if not io.stdout:flush() then return 0 end -- nobody reads on
    if sys.stat(job:base(n) .. ".done") or sys.stat(job:base(n) .. ".failed") or is_over(s) then return 0 end
    if sys.pause(0.3) then return batch.INTERRUPTED end
  end
end

function batch.commands.logs(a)
  local job = batch.open(a.job)
  local n = a.task and tonumber(a.task)
  if a.task and (not n or n < 0 or n >= job.tasks) then
    batch.fail("usage", "task " .. a.task .. ": tasks count from 0 to " .. job.tasks - 1)
  end
  if n and a.follow then return follow(job, n) end
  local engine = job:engine_of()
  local list = n and { n } or {}
  if not n then
    print_from(job:path "engine.log", 0)
    for _, k in ipairs(batch.look(job).running_tasks) do list[#list + 1] = tonumber(k) end
  end
  for _, k in ipairs(list) do
    if engine.fetch_logs then engine.fetch_logs(job, k) end
    if not n then print("--- task " .. k) end
    for _, kind in ipairs { "out", "err" } do print_from(job:base(k) .. "." .. kind, 0) end
  end
  return 0
end
