-- batch.submit{...} and the jobs that it gives, for scripts. SPDX-License-Identifier: MIT
local core, sys = ...

local type, ipairs, pairs, setmetatable, tostring, rawequal =
  type, ipairs, pairs, setmetatable, tostring, rawequal
local concat, format, sort = table.concat, string.format, table.sort
local raise = core.raise

local batch, methods = {}, {}
local all = {} -- in the order in which they were submitted
local meta = { __index = methods, __name = "Job", __metatable = false }
meta.__tostring = function(job) return "Job " .. job.dir end

local function is_job(x)
  for _, job in ipairs(all) do
    if rawequal(job, x) then return true end
  end
  return false
end

local function check(job, what)
  if not is_job(job) then raise(format("%s needs a Job (call it with ':')", what)) end
  return job
end

-- Runs a command; what it says when it fails is the error, unless its exit status is one of `fine`.
local function run(words, fine)
  local out, err, status = sys.command(words)
  if not out then sys.fail(err) end
  if status ~= 0 and not (fine and fine[status]) then
    local line = concat(words, " ") .. " ended with " .. status
    for l in err:gmatch "[^\n]+" do
      if l:find '^{"error"' then
        local e = sys.parse(l).error
        line = (e.where ~= "" and e.where .. ": " or "") .. e.message
      elseif not l:find "warning: " then line = l:gsub("^tellua: ", "") end
    end
    sys.fail(line)
  end
  return out, status
end

local flags = { tasks = "--tasks", tile = "--tile", bundle = "--bundle", slots = "--slots", threads = "--threads",
  mem = "--mem", name = "--name", output = "--output", crs = "--crs", format = "--format", backoff = "--backoff",
  checkpoint = "--checkpoint", place = "--place" }
local own = { script = true, params = true, on = true, job = true, after = true, bbox = true, res = true,
  shared = true }

local function sorted(t)
  local list = {}
  for k in pairs(t) do list[#list + 1] = k end
  sort(list)
  return list
end

local function words_of(spec)
  local w = { "submit", spec.script, "--json", "--on", spec.on or "local", "--job", spec.job }
  local function add(...) for _, x in ipairs { ... } do w[#w + 1] = tostring(x) end end
  for _, name in ipairs(sorted(flags)) do
    if spec[name] ~= nil then add(flags[name], spec[name]) end
  end
  if spec.bbox then add("--bbox", concat(spec.bbox, ",")) end
  if spec.res then add("--res", type(spec.res) == "table" and concat(spec.res, ",") or spec.res) end
  if spec.shared then add "--shared" end
  for _, name in ipairs(sorted(spec.params or {})) do add("-p", name .. "=" .. tostring(spec.params[name])) end
  return w
end

-- batch.submit{script =, on =, job =, params = {}, after = {jobs}, tasks =, ...} -> a Job
function batch.submit(given)
  if core.part then raise "batch.submit: a script that is a job itself submits none" end
  if type(given) ~= "table" or type(given.script) ~= "string" then
    raise 'batch.submit{script = "file.lua", on = "htcondor", ...}: a table with a script'
  end
  local spec = {}
  for key, value in pairs(given) do
    if not own[key] and not flags[key] then raise(format("batch.submit has no option %s", tostring(key))) end
    spec[key] = value
  end
  spec.job = spec.job or (spec.name or spec.script:match "([^/]+)$":gsub("%.lua$", "")) .. ".job"
  local job = setmetatable({ dir = spec.job, spec = spec, before = {} }, meta)
  all[#all + 1] = job
  local after = spec.after
  if is_job(after) or type(after) == "string" then after = { after } end
  for _, other in ipairs(after or {}) do methods.after(job, other) end
  return job
end

-- batch.job(DIR): one that is there already
function batch.job(dir)
  if type(dir) ~= "string" then raise "batch.job(folder)" end
  local job = setmetatable({ dir = dir, before = {}, started = true }, meta)
  all[#all + 1] = job
  return job
end

-- batch.jobs() -> a list of what status says of all jobs
function batch.jobs() return sys.parse((run { "jobs", "--json" })) end

-- job:after(other): it starts when the other one is done. Before it is started.
function methods.after(job, other)
  check(job, "after")
  if job.started then raise(format("after: %s has started already", job.dir)) end
  if type(other) == "string" then other = batch.job(other) end
  job.before[#job.before + 1] = check(other, "after")
  return job
end

-- job:start(): now, and what comes before it first; else it starts when the script ends or waits
function methods.start(job)
  check(job, "start")
  if job.started then return job end
  if job.starting then raise(format("start: %s comes after itself", job.dir)) end
  job.starting = true
  local words = words_of(job.spec)
  for _, other in ipairs(job.before) do
    methods.start(other)
    words[#words + 1] = "--after"
    words[#words + 1] = other.dir
  end
  local made = sys.parse((run(words)))
  job.dir, job.id, job.started = made.job, made.id, true
  return job
end

function methods.status(job)
  methods.start(job)
  return sys.parse((run { "status", job.dir, "--json" }))
end

-- job:wait() -> its status when it is over; raises when it did not end well
function methods.wait(job)
  methods.start(job)
  local ends = { [1] = true, [75] = true, [78] = true, [130] = true }
  local out, status = run({ "wait", job.dir, "--json", "--quiet" }, ends)
  local s = sys.parse(out)
  if status ~= 0 then sys.fail(format("job %s: %s: %s", job.dir, s.state, s.reason or "")) end
  return s
end

-- job:logs([task]) -> a text
function methods.logs(job, task)
  methods.start(job)
  return (run { "logs", job.dir, task and tostring(task) or nil })
end

for _, verb in ipairs { "cancel", "hold", "release", "suspend", "resume", "retry" } do
  methods[verb] = function(job)
    methods.start(job)
    run { verb, job.dir }
    return job
  end
end

-- At the end of a script: starts what waits for it; how many jobs there are
function core.start_jobs()
  local n = #all
  for _, job in ipairs(all) do methods.start(job) end
  all = {}
  return n
end

return batch
