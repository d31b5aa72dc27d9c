-- tellua submit: from a plan to a job folder, and its start. SPDX-License-Identifier: MIT
local sys, batch = ...

-- Seconds of a task, when there is much to do; below LEAST starting a process would cost too much.
local TARGET = { ["local"] = 60, htcondor = 600, slurm = 600 }
local LEAST = 10

local EEXIST = 17 -- of Linux

-- "D-HH:MM:SS", "HH:MM:SS", "MM:SS", "MM": a time limit as sbatch takes it, in seconds
local function walltime(args)
  for _, o in ipairs(args.options or {}) do
    local text = o:match "^time=(.+)"
    if text then
      local days, rest = text:match "^(%d+)-(.+)$"
      local parts = {}
      for n in (rest or text):gmatch "%d+" do parts[#parts + 1] = tonumber(n) end
      local a, b, c = parts[1] or 0, parts[2] or 0, parts[3] or 0
      if days then return days * 86400 + a * 3600 + b * 60 + c end
      if #parts == 3 then return a * 3600 + b * 60 + c end
      return a * 60 + b
    end
  end
end

-- Into how many tasks a part is cut; runtime/cli_task.c has what is whose.
local function tasks_of(part, args, slots)
  local units, seconds = part.units, math.max(part.unit_seconds, 1e-4)
  local n
  if args.tasks then n = args.tasks
  elseif part.kind == "tiles" and args.tile then n = math.ceil(units * part.unit_cells / args.tile ^ 2)
  elseif part.kind == "scenes" and args.bundle then n = math.ceil(units / args.bundle)
  else
    local all = seconds * units
    local limit = walltime(args)
    local most = limit and math.min(TARGET[args.engine], limit / 3) or TARGET[args.engine]
    local target = math.min(most, math.max(LEAST, all / (8 * slots)))
    n = math.max(math.floor(all / target + 0.5), math.min(slots, math.floor(all)))
    -- The slots end together.
    if n > slots and n < 8 * slots then n = (n + slots - 1) // slots * slots end
  end
  return math.min(math.max(1, n), units)
end

local function add_parts(job, args, slots)
  job.tasks = 0
  for _, p in ipairs(job.parts) do
    p.tasks = tasks_of(p, args, slots)
    p.first = job.tasks
    job.tasks = job.tasks + p.tasks
  end
end

local function job_id(dir)
  return os.date("!%Y%m%dT%H%M%SZ", math.floor(sys.now())) .. "-" .. sys.sha256(dir .. sys.pid .. sys.now()):sub(1, 6)
end

local function describe(args, dir)
  local slots = args.slots or sys.cores
  local job = {
    format = 1, version = args.version, versions = args.versions, libm = args.libm,
    id = job_id(dir), name = args.name, user = sys.user, host = sys.host, created = sys.now(),
    engine = args.engine, after = args.after,
    script = args.script, params = args.params, where = args.where, cwd = sys.cwd(),
    key = args.key, parts = args.parts, products = args.products,
    options = {
      slots = slots, threads = args.threads or 1, mem = args.mem, task_memory = args.task_memory,
      backoff = args.backoff or 5, checkpoint = args.checkpoint or 600, io_timeout = args.io_timeout,
      shared = args.shared, options = args.options,
    },
  }
  add_parts(job, args, args.engine == "local" and slots or 64)
  return job
end

-- Never through a symbolic link: that is removed itself.
local function remove_tree(path)
  if os.remove(path) then return end
  for _, name in ipairs(sys.list(path) or {}) do remove_tree(path .. "/" .. name) end
  os.remove(path)
end

-- Computes one scene of each part, to know how long the others take; a scene that cannot be
-- computed leaves the guess.
local function pilot_scenes(job, half, args)
  for _, p in ipairs(job.parts) do
    if p.kind == "scenes" and not args.tasks and not args.bundle and not args.dry_run then
      local all, kept = job.parts, p.tasks
      job.parts, p.tasks, p.first = { p }, p.units, 0
      batch.write_json(half .. "/job.json", job)
      local began = sys.now()
      local out, _, status = sys.capture { sys.exe, "task", half, tostring(p.units // 2), "--quiet",
        "--work", half .. "/pilot" }
      job.parts, p.tasks = all, kept
      if out and status == 0 then p.unit_seconds = math.max(0.01, sys.now() - began) end
      remove_tree(half .. "/pilot")
      remove_tree(half .. "/result")
      batch.check(sys.mkdir(half .. "/result"))
    end
  end
end

-- A folder beside `dir` that nobody else has put there: others may write where jobs are made.
local function make_half(dir)
  batch.check(sys.mkdir(dir:match "^(.*)/[^/]*$" .. "/"))
  local half, made, why, code
  for i = 0, 99 do
    half = dir .. ".new-" .. sys.pid .. (i > 0 and "-" .. i or "")
    made, why, code = sys.mkdir(half, true)
    if made or code ~= EEXIST then break end
  end
  batch.check(made, why)
  return half
end

-- All of the folder, beside its place; then renamed there.
local function make_folder(args, dir)
  local half = make_half(dir)
  local job = describe(args, dir)
  batch.check(sys.mkdir(half .. "/tasks"))
  batch.check(sys.mkdir(half .. "/result"))
  if args.plan then batch.check(sys.write(half .. "/plan.json", args.plan)) end
  if args.text then batch.check(sys.write(half .. "/script.lua", args.text)) end
  pilot_scenes(job, half, args)
  add_parts(job, args, args.engine == "local" and job.options.slots or 64)
  batch.write_json(half .. "/job.json", job)
  local moved, why = os.rename(half, dir)
  if not moved then -- another one was quicker
    remove_tree(half)
    batch.fail("usage", why)
  end
  job = batch.open(dir)
  batch.engines[job.engine].prepare(job)
  return job
end

local function print_dry(job, args)
  if args.json then
    print(sys.to_json({ job = job.dir, tasks = job.tasks, parts = job.parts, key = job.key }, true))
    return
  end
  print(job.dir)
  for _, p in ipairs(job.parts) do
    sys.log(string.format("%d %s in %d tasks, some %.3g s each", p.units,
      p.kind == "tiles" and "blocks" or "scenes of " .. p.output, p.tasks, p.units / p.tasks * p.unit_seconds))
  end
  sys.log("nothing is started; `tellua retry " .. job.dir .. "` starts it")
end

function batch.commands.submit(args)
  local engine = batch.engines[args.engine]
  if not engine then
    batch.fail("usage", "--on " .. args.engine .. ": the engines are local, htcondor and slurm")
  end
  if not args.dry_run then engine.check(args) end
  local dir = args.job
  if dir:sub(1, 1) ~= "/" then dir = sys.cwd() .. "/" .. dir end
  dir = dir:gsub("/+$", "")
  -- Submit descriptions, scripts of Slurm and lists of jobs are lines.
  if (dir .. args.name):find "%c" then
    batch.fail("usage", "--job and --name are texts without line breaks and other control characters")
  end
  if sys.stat(dir) then
    batch.fail("usage", args.job .. " is there already; `tellua retry` goes on with a job, another --job makes one")
  end
  for i, other in ipairs(args.after or {}) do args.after[i] = batch.open(other).dir end
  local job = make_folder(args, dir)
  job:register()
  if args.dry_run then
    print_dry(job, args)
    return 0
  end
  engine.start(job)
  if args.json then
    print(sys.to_json({ job = job.dir, id = job.id, tasks = job.tasks, engine = job.engine, key = job.key }, true))
  else
    print(job.dir)
  end
  io.stdout:flush()
  if args.wait then return batch.commands.wait { job = dir, quiet = args.quiet } end
  return 0
end
