-- tellua jobs: one table of all jobs; numbers for Prometheus and Graphite.
-- SPDX-License-Identifier: MIT
local sys, batch = ...

local COLUMNS = { "USER", "CMD", "JOBID", "DONE", "IDLE", "RUNNING", "HOLDS", "TOTAL", "RAM(GB)", "CPUS",
  "DD/hh:mm:ss", "REASON", "ETA" }

-- One question to each scheduler, however many jobs there are.
local function look_all(paths)
  local seen, list = {}, {}
  for _, path in ipairs(paths) do
    local ok, job = pcall(batch.open, path)
    if ok then
      local engine = job:engine_of()
      if engine.query and seen[job.engine] == nil then
        local answers, said = pcall(engine.query)
        seen[job.engine] = answers and said or false
      end
      local s = batch.look(job, seen[job.engine])
      list[#list + 1] = s
    end
  end
  return list
end

local function row(s)
  local reason = s.reason or (s.state == "running" and "" or s.state)
  return { s.user, s.name, s.scheduler or s.id, tostring(s.done), tostring(s.idle), tostring(s.running),
    tostring(s.held), tostring(s.total), string.format("%.1f", s.memory / 2 ^ 30), tostring(s.cpus),
    batch.clock(s.seconds), reason == "" and "-" or reason, s.eta and batch.clock(s.eta) or "-" }
end

local function print_table(list)
  local rows, width = { COLUMNS }, {}
  for _, s in ipairs(list) do rows[#rows + 1] = row(s) end
  for _, r in ipairs(rows) do
    for i, cell in ipairs(r) do width[i] = math.max(width[i] or 0, #cell) end
  end
  for _, r in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(r) do
      local right = i >= 4 and i <= 11
      cells[i] = (right and (" "):rep(width[i] - #cell) .. cell) or cell .. (" "):rep(width[i] - #cell)
    end
    print((table.concat(cells, "  "):gsub("%s+$", "")))
  end
end

-- --- numbers -------------------------------------------------------------------------------------

local STATES = { "done", "idle", "running", "held", "failed" }

local function label(s) return (s:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("\n", "\\n")) end

local function prometheus(list)
  print "# HELP tellua_tasks Tasks of a job by state.\n# TYPE tellua_tasks gauge"
  for _, s in ipairs(list) do
    for _, state in ipairs(STATES) do
      print(string.format('tellua_tasks{job="%s",name="%s",engine="%s",user="%s",state="%s"} %d', label(s.id),
        label(s.name), s.engine, label(s.user), state, s[state]))
    end
  end
  local gauges = { { "job_seconds", "Seconds since the job started.", "seconds" },
    { "job_cpus", "Cores in use.", "cpus" }, { "job_memory_bytes", "Memory asked for by what runs.", "memory" },
    { "job_retries", "Tasks that were started again.", "retries" } }
  for _, g in ipairs(gauges) do
    print("# HELP tellua_" .. g[1] .. " " .. g[2] .. "\n# TYPE tellua_" .. g[1] .. " gauge")
    for _, s in ipairs(list) do
      print(string.format('tellua_%s{job="%s",name="%s"} %.15g', g[1], label(s.id), label(s.name), s[g[3]]))
    end
  end
end

local function graphite(list)
  local now = math.floor(sys.now())
  for _, s in ipairs(list) do
    local base = "tellua.jobs." .. s.id:gsub("[^%w_-]", "_")
    for _, state in ipairs(STATES) do print(base .. ".tasks." .. state .. " " .. s[state] .. " " .. now) end
    print(string.format("%s.seconds %.15g %d\n%s.cpus %d %d\n%s.memory_bytes %d %d", base, s.seconds, now, base,
      s.cpus, now, base, s.memory // 1, now))
  end
end

-- What may be told to whoever sees the map: no folders
function batch.questions.jobs()
  local list = {}
  for i, s in ipairs(look_all(batch.registered())) do
    list[i] = { id = s.id, name = s.name, engine = s.engine, state = s.state, reason = s.reason,
      total = s.total, done = s.done, running = s.running, idle = s.idle, held = s.held,
      failed = s.failed, seconds = s.seconds, eta = s.eta }
  end
  return list
end

-- Of a running job what is finished so far is assembled first: tiles are copied as they are.
local function products_of(job)
  local list = {}
  if job:merged() then
    for _, name in ipairs(sys.list(job:path "result") or {}) do
      if name:match "%.tif$" then list[#list + 1] = job:path("result", name) end
    end
    return list
  end
  local held = sys.lock(job:path "partial.lock", true) -- nobody is kept waiting on a server's thread
  if not held then batch.fail("transient", job.name .. " is being assembled; ask again") end
  local words = job:command "partial"
  words[#words + 1] = "--quiet"
  local ok, said = pcall(batch.tool, words, "the job's pictures")
  sys.unlock(held)
  if not ok then error(said, 0) end
  for line in said:gmatch "[^\n]+" do
    if line:match "%.tif$" then list[#list + 1] = line end
  end
  return list
end

-- {job = ID} -> the paths of its products
function batch.questions.products(a)
  for _, path in ipairs(batch.registered()) do
    local ok, job = pcall(batch.open, path)
    if ok and job.id == a.job then return products_of(job) end
  end
  batch.fail("data", "there is no job " .. tostring(a.job))
end

function batch.commands.jobs(a)
  local paths = a.job and { a.job } or batch.registered()
  if a.job then batch.open(a.job) end
  local list = look_all(paths)
  if a.metrics == "graphite" then graphite(list)
  elseif a.metrics then prometheus(list)
  elseif a.json then
    if #list == 0 then print "[]" else print(sys.to_json(list, true)) end
  else print_table(list) end
  return 0
end
