-- The HTCondor engine. SPDX-License-Identifier: MIT
--
-- JOB/htcondor/ has what is submitted, to be read and run by hand: job.dag (a node for each job
-- that comes before, one of all tasks, one for the merge) and their submit descriptions. More
-- tasks than DIRECT are no node of a DAG, which would make all of their jobs at once: they are
-- materialised as others end, and a local job, `tellua task JOB engine`, sees to their end and
-- merges.
-- How a task ends says what happens to it: see policy().
local sys, batch = ...

local engine = {}
batch.engines.htcondor = engine

local DIRECT = 10000

function engine.check()
  if not batch.has_tool "condor_submit" then
    batch.fail("config", "--on htcondor: there is no condor_submit here; submit from an access point of the pool")
  end
end

local function text_file(job, name, lines)
  batch.check(sys.write(job:path("htcondor", name), table.concat(lines, "\n") .. "\n"))
end

local function add(lines, ...)
  for _, line in ipairs { ... } do lines[#lines + 1] = line end
end

-- Exit statuses into fates. HTCondor itself starts a job again that a signal ended.
--   0, 1, 2: it leaves the queue; 1 and 2 are the script's fault, which fails the DAG's node and
--   with it removes all other tasks. 65, the data's: held, for a person to see. 75 and 78: held and
--   released, later each time, for another machine than the last. 85: a checkpoint.
local function policy(job)
  local b = job.options.backoff
  return {
    "checkpoint_exit_code = 85",
    "on_exit_remove = ExitBySignal =?= False && ExitCode >= 0 && ExitCode <= 2",
    "on_exit_hold = ExitBySignal =?= False && member(ExitCode, {65, 75, 78})",
    "on_exit_hold_subcode = ExitCode",
    'on_exit_hold_reason = ifThenElse(isString(TelluaError), TelluaError, '
      .. 'strcat("the task ended with ", string(ExitCode), "; its .err file says why"))',
    "periodic_release = ((HoldReasonCode =?= 3 && member(HoldReasonSubCode, {75, 78})) "
      .. "|| HoldReasonCode =?= 12 || HoldReasonCode =?= 13) && NumJobStarts < " .. batch.MOST_STARTS
      .. " && (time() - EnteredCurrentStatus) >= " .. b .. " * pow(2, min({NumHolds, 8}) - 1)",
    "job_machine_attrs = Machine",
    "job_machine_attrs_history_length = 1",
    "requirements = NumHolds =?= undefined || NumHolds == 0 || NumHolds > 2 "
      .. "|| TARGET.Machine =!= MY.MachineAttrMachine0",
    "want_graceful_removal = True",
    "job_max_vacate_time = 120",
  }
end

-- Text as a value of a submit description, where $ is the beginning of a macro
local function as_value(s) return (s:gsub("%$", "$(DOLLAR)")) end

-- Words of a command line; `more` stands as it is
local function arguments(words, more)
  local list = {}
  for i, word in ipairs(words) do
    list[i] = word:find "[^%w_./-]" and "'" .. as_value(word):gsub("'", "''"):gsub('"', '""') .. "'" or word
  end
  return 'arguments = "' .. table.concat(list, " ") .. (more or "") .. '"'
end

local function has_option(job, name)
  for _, o in ipairs(job.options.options or {}) do
    if o:match "^[^=]+" == name then return true end
  end
end

local function resources(job)
  local mib = math.max(128, (job.options.task_memory or 1 << 30) >> 20)
  local bytes = 0
  for _, p in ipairs(job.parts) do
    bytes = math.max(bytes, (p.unit_bytes or 2 ^ 20) * (p.units / p.tasks))
  end
  return { "request_cpus = " .. job.options.threads, "request_memory = " .. mib .. "M",
    "request_disk = " .. math.ceil(2 * bytes / 2 ^ 20 + 64) .. "M" }
end

local function files_of(job)
  local list = { "$(base).idx", "$(base).dat", "$(base).done", "$(base).failed" }
  for _, p in ipairs(job.parts) do
    if p.kind == "scenes" then list[#list + 1] = "$(base).csv" break end
  end
  return list
end

-- Where nodes have no common files: all that a task needs goes with it, its files come back, at an
-- eviction too. Files of transfer_output_files must be there: the task makes empty ones first.
local function transfer(job)
  local inputs, remaps, files = { "job.json" }, {}, files_of(job)
  for _, name in ipairs { "plan.json", "script.lua", "scenes.sqlite" } do
    if sys.stat(job:path(name)) then inputs[#inputs + 1] = name end
  end
  inputs[#inputs + 1] = sys.worker -- for functions, which run in the jail
  for _, f in ipairs(files) do remaps[#remaps + 1] = f .. " = tasks/$(shard)/" .. f end
  local outputs = table.concat(files, ",")
  local has_products = false
  for _, p in ipairs(job.parts) do has_products = has_products or p.products end
  return { 'arguments = "task . $(task) --work . --checkpoint ' .. job.options.checkpoint .. '"',
    "should_transfer_files = YES", "when_to_transfer_output = ON_EXIT_OR_EVICT",
    "transfer_input_files = " .. table.concat(inputs, ","),
    "transfer_output_files = " .. outputs .. (has_products and ",result" or ""),
    "transfer_checkpoint_files = " .. outputs .. (has_products and ",result" or ""),
    'transfer_output_remaps = "' .. table.concat(remaps, "; ") .. '"' }
end

local function tasks_file(job)
  local lines = { "# The tasks of " .. job:label() .. "; see job.dag.", "executable = " .. as_value(sys.exe) }
  add(lines, has_option(job, "container_image") and "universe = container" or "universe = vanilla",
    "batch_name = " .. job:label(), "base = $INT(task,%07d)", "shard_number = $(task) / " .. batch.SHARD,
    "shard = $INT(shard_number,%03d)", "initialdir = " .. as_value(job.dir))
  if job.options.shared then
    add(lines, arguments({ "task", job.dir }, " $(task)"), "should_transfer_files = IF_NEEDED")
  else
    add(lines, table.unpack(transfer(job)))
  end
  add(lines, "output = tasks/$(shard)/$(base).out", "error = tasks/$(shard)/$(base).err",
    "log = htcondor/tasks.log", '+TelluaJob = "' .. job.id .. '"', "+TelluaTask = $(task)",
    "+WantIOProxy = True")
  add(lines, table.unpack(policy(job)))
  add(lines, table.unpack(resources(job)))
  for _, o in ipairs(job.options.options or {}) do
    local name, value = o:match "^([^=]+)=(.*)$"
    add(lines, name .. " = " .. value)
  end
  if job.tasks > DIRECT and not has_option(job, "max_materialize") then
    add(lines, "max_materialize = " .. DIRECT // 2)
  end
  add(lines, "queue task from " .. as_value(job:path("htcondor", "todo.txt")))
  text_file(job, "tasks.sub", lines)
end

-- A job of the access point itself
local function local_file(job, name, words)
  text_file(job, name .. ".sub", { "universe = local", "executable = " .. as_value(sys.exe),
    arguments(words), "initialdir = " .. as_value(job.dir), "batch_name = " .. job:label(),
    "output = " .. name .. ".out", "error = " .. name .. ".err", "log = htcondor/" .. name .. ".log",
    '+TelluaJob = "' .. job.id .. '"', '+TelluaStep = "' .. name .. '"', "getenv = HOME",
    "on_exit_remove = ExitBySignal =?= False && ExitCode =!= 85 && ExitCode =!= 75", "queue" })
end

local function dag_file(job)
  local lines = { "# before -> tasks -> merge; condor_submit_dag runs it." }
  local first = {}
  for i, other in ipairs(job.after or {}) do
    local_file(job, "before" .. i, { "wait", other, "--quiet" })
    add(lines, "JOB before" .. i .. " before" .. i .. ".sub")
    first[#first + 1] = "before" .. i
  end
  add(lines, "JOB tasks tasks.sub")
  if #first > 0 then add(lines, "PARENT " .. table.concat(first, " ") .. " CHILD tasks") end
  add(lines, "JOB merge merge.sub", "RETRY merge 2 UNLESS-EXIT 65", "PARENT tasks CHILD merge")
  text_file(job, "job.dag", lines)
end

local function todo_file(job)
  local f = batch.check(io.open(job:path("htcondor", "todo.txt"), "w"))
  local n = 0
  for _, task in ipairs(job:todo(job:progress())) do
    f:write(task, "\n")
    n = n + 1
  end
  batch.check(f:close())
  return n
end

function engine.prepare(job)
  batch.check(sys.mkdir(job:path "htcondor"))
  for s = 0, (job.tasks - 1) // batch.SHARD do
    batch.check(sys.mkdir(job:path("tasks", string.format("%03d", s))))
  end
  tasks_file(job)
  local_file(job, "merge", { "task", job.dir, "merge" })
  local_file(job, "engine", { "task", job.dir, "engine" })
  dag_file(job)
  todo_file(job)
end

-- --- asking --------------------------------------------------------------------------------------

-- One question for all jobs: {[job id] = list of what the queue has of it}. A job that was removed (3) stays
-- there until its node answers, which may be never.
function engine.query(id)
  local out = batch.tool({ "condor_q", "-json", "-attributes",
    "ClusterId,ProcId,JobStatus,TelluaJob,TelluaTask,TelluaStep,HoldReason,HoldReasonCode,"
    .. "HoldReasonSubCode,NumJobStarts,RemoteHost,ChirpTelluaBlocks", "-constraint",
    "JobStatus != 3 && " .. (id and 'TelluaJob == "' .. id .. '"' or "isString(TelluaJob)") }, "asking HTCondor")
  local seen = {}
  for _, ad in ipairs(out:find "%S" and sys.json(out) or {}) do -- nothing at all when there is no job
    local list = seen[ad.TelluaJob] or {}
    seen[ad.TelluaJob] = list
    list[#list + 1] = ad
  end
  return seen
end

-- Held tasks that HTCondor will release by itself are only waiting.
local function is_waiting(ad)
  local code, sub = ad.HoldReasonCode, ad.HoldReasonSubCode
  return (code == 12 or code == 13 or code == 3 and (sub == 75 or sub == 78))
    and (ad.NumJobStarts or 0) < batch.MOST_STARTS
end

local function sort_out(list)
  local r = { running = {}, held = {}, suspended = 0, steps = {}, tasks = 0 }
  for _, ad in ipairs(list) do
    if ad.TelluaTask then
      local key = tostring(ad.TelluaTask)
      r.tasks = r.tasks + 1
      if ad.JobStatus == 2 or ad.JobStatus == 6 then r.running[key] = ad
      elseif ad.JobStatus == 7 then r.running[key], r.suspended = ad, r.suspended + 1
      elseif ad.JobStatus == 5 and not is_waiting(ad) then r.held[key] = ad.HoldReason or "held" end
    elseif ad.TelluaStep then r.steps[ad.TelluaStep] = ad end
  end
  return r
end

-- Why nothing of the job is in the queue any more
local function failure(job, s)
  local p = job:progress()
  for _, n in ipairs(batch.sorted(p.failed)) do
    local f = job:failure(n)
    if f then return f.text, f.exit end
  end
  if p.ndone == job.tasks then return "the merge: " .. batch.tail(batch.read(job:path "merge.err"), 1), 1 end
  if #(job.after or {}) > 0 and p.ndone == 0 then
    return "the job before it did not end well: " .. batch.tail(batch.read(job:path "before1.err"), 1), 1
  end
  return "its jobs left HTCondor's queue (cluster " .. tostring(s.scheduler) .. "); `tellua retry` goes on", 75
end

function engine.look(job, seen)
  local s = job:state()
  if s.state == "new" then return s end
  if job:merged() then
    local _, _, when = sys.stat(job:path "merge.done")
    s.state, s.reason, s.ended = "done", nil, when
    return s
  end
  local list = (seen or engine.query(job.id))[job.id]
  if not list then
    if job:merged() then return engine.look(job, seen) end
    if job:wanted() == "cancel" then
      s.state, s.reason, s.exit = "cancelled", "cancelled by the user", batch.INTERRUPTED
    else
      s.state = "failed"
      s.reason, s.exit = failure(job, s)
    end
    s.ended = s.ended or sys.now()
    return s
  end
  local r = sort_out(list)
  s.running, s.held = r.running, r.held
  local held = batch.sorted(r.held)[1]
  if r.suspended > 0 then s.state, s.reason = "suspended", "suspended by the user"
  elseif held then s.state, s.reason = "held", "task " .. held .. ": " .. r.held[held]
  elseif r.steps.merge then s.state, s.reason = "running", "assembling the products"
  elseif r.steps.before1 then s.state, s.reason = "waiting", "for " .. job.after[1]
  else s.state, s.reason = "running", nil end
  return s
end

-- --- doing ---------------------------------------------------------------------------------------

local function submit_dag(job)
  local id = '+TelluaJob = "' .. job.id .. '"'
  local out, err, status = sys.capture({ "condor_submit_dag", "-f", "-batch-name", job:label(), "-append", id,
    "-append", '+TelluaStep = "dag"', "job.dag" }, { cwd = job:path "htcondor" })
  if not out then batch.fail("config", err) end
  local cluster = out:match "submitted to cluster (%d+)"
  if status ~= 0 or not cluster then batch.fail("transient", "condor_submit_dag: " .. batch.tail(out .. err)) end
  return cluster
end

local function submit(job, name)
  local out = batch.tool({ "condor_submit", "-terse", job:path("htcondor", name .. ".sub") }, "submitting " .. name)
  return (out:match "^(%d+)")
end

function engine.start(job)
  local seen = engine.query(job.id)[job.id]
  if seen then -- it is in the queue: what is held goes on
    local r = sort_out(seen)
    if next(r.held) then engine.act(job, "release") end
    return
  end
  local n = todo_file(job)
  local cluster
  if n > DIRECT or has_option(job, "max_materialize") then
    cluster = submit(job, "engine")
    sys.write(job:path("htcondor", "factory"), "")
  elseif n == 0 then cluster = submit(job, "merge")
  else
    cluster = submit_dag(job)
  end
  job:set_state { state = "running", scheduler = cluster, started = sys.now() }
end

local function tell(tool, job, more)
  local out, err, status = sys.capture { tool, "-constraint", 'TelluaJob == "' .. job.id .. '"' .. (more or "") }
  if not out then batch.fail("config", err) end
  return status == 0
end

function engine.act(job, verb)
  local tasks = " && TelluaTask =!= undefined"
  if verb == "cancel" then return tell("condor_rm", job) end
  if verb == "hold" then return tell("condor_hold", job, tasks) end
  if verb == "release" then return tell("condor_release", job) end
  if verb == "suspend" then return tell("condor_suspend", job, tasks .. " && JobStatus == 2") end
  if verb == "resume" then return tell("condor_continue", job, tasks) end
end

-- Output and errors of a running task, into the files that they will be in the end.
function engine.fetch_logs(job, n)
  local r = sort_out(engine.query(job.id)[job.id] or {})
  local ad = r.running[tostring(n)]
  if not ad then return end
  local id = string.format("%d.%d", ad.ClusterId, ad.ProcId)
  for kind, option in pairs { out = "-stdout", err = "-stderr" } do
    local text, _, status = sys.capture { "condor_tail", "-maxbytes", "100000000", option, id }
    if text and status == 0 and #text > 0 then sys.write(job:base(n) .. "." .. kind, text) end
  end
end

-- --- many tasks: the local job that sees to their end --------------------------------------------

-- As the local engine's process, but HTCondor runs the tasks.
function engine.mind(job)
  sys.signals()
  for _, other in ipairs(job.after or {}) do
    if batch.commands.wait { job = other, quiet = 1 } ~= 0 then return batch.CODE end
  end
  local r = sort_out(engine.query(job.id)[job.id] or {})
  if r.tasks == 0 and todo_file(job) > 0 then submit(job, "tasks") end
  repeat
    if sys.pause(2) then return batch.EVICTED end
    for _, n in ipairs(batch.sorted(job:progress().failed)) do
      local f = job:failure(n)
      if f and (f.exit == 1 or f.exit == 2) then
        tell("condor_rm", job, " && TelluaTask =!= undefined")
        return f.exit
      end
    end
    -- A factory whose jobs are all held or not yet made is still there.
    local of_job = 'TelluaJob == "' .. job.id .. '"'
    local out = batch.tool({ "condor_q", "-factory", "-constraint", of_job, "-af", "ClusterId" }, "asking HTCondor")
    r = sort_out(engine.query(job.id)[job.id] or {})
  until r.tasks == 0 and not out:find "%d"
  if job:progress().ndone < job.tasks then return batch.CODE end
  local files = { out = job:path "merge.out", err = job:path "merge.err", append = true }
  local pid = batch.check(sys.spawn(job:command "merge", files))
  while true do
    local ended, status = sys.wait()
    if ended == pid then return status end
    sys.pause(1)
  end
end
