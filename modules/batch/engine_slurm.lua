-- The Slurm engine. SPDX-License-Identifier: MIT
--
-- JOB/slurm/ has what is submitted, to be read and run by hand: tasks.sbatch, an array whose
-- element i does the task in line i of todo-K.txt, and merge.sbatch, which depends on all arrays.
-- Slurm has no file transfer: nodes see the job folder at the same path. A task's fate is decided
-- on its node, at the end of tasks.sbatch, by its exit status.
local sys, batch = ...

local engine = {}
batch.engines.slurm = engine

local ARRAY = 1000 -- elements of one array: Slurm's own limit unless its MaxArraySize says more

function engine.check()
  if not batch.has_tool "sbatch" then
    batch.fail("config", "--on slurm: there is no sbatch here; submit from a login node of the cluster")
  end
end

-- Text as sbatch reads it in a line of options
local function option_text(s) return s:find "[^%w_./-]" and '"' .. s:gsub('[\\"]', "\\%0") .. '"' or s end

local function head(job, kind, extra)
  local lines = { "#!/bin/sh", "#SBATCH --job-name=" .. job:label(),
    "#SBATCH --comment=tellua:" .. job.id .. ":" .. kind, "#SBATCH --chdir=" .. option_text(job.dir) }
  for _, line in ipairs(extra) do lines[#lines + 1] = "#SBATCH " .. line end
  for _, o in ipairs(job.options.options or {}) do
    local name, value = o:match "^([^=]+)=(.*)$"
    if not (kind == "merge" and (name == "array" or name == "time")) then
      lines[#lines + 1] = "#SBATCH --" .. name .. (value ~= "" and "=" .. value or "")
    end
  end
  return lines
end

local TASKS = [[
job=@JOB@
n=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$1")
base=$job/tasks/$(printf '%03d/%07d' $((n / 1000)) "$n")
mkdir -p "$(dirname "$base")"
me=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
# The scheduler's SIGTERM (cancel, preemption, end of the time) goes on to the task, which saves
# what it has.
@TELLUA@ task "$job" "$n" >>"$base.out" 2>>"$base.err" &
task=$!
trap 'kill -TERM $task' TERM
wait $task
status=$?
while kill -0 $task 2>/dev/null; do wait $task; status=$?; done
starts=${SLURM_RESTART_COUNT:-0}
# What the user or a fault of the code has ended stays so, whatever signal that sent.
[ $status -eq 0 ] || [ ! -e "$job/slurm/cancelled" ] && [ ! -e "$job/slurm/failed" ] || exit $status
case $status in
0) exit 0 ;;
85) scontrol requeue "$me"; exit 85 ;;
65) scontrol requeuehold "$me"; exit 65 ;;
1 | 2) touch "$job/slurm/failed"; sed 's/:.*//' "$job/slurm/ids" | xargs scancel; exit $status ;;
esac
# A passing fault, an environment that another node may have, a signal: again, later each time.
if [ "$starts" -ge @MOST@ ]; then scontrol requeuehold "$me"; exit $status; fi
delay=$(awk "BEGIN { print int(@BACKOFF@ * 2 ^ $starts + 0.999) }")
scontrol requeue "$me" && scontrol update "JobId=$me" "StartTime=now+$delay"
exit $status
]]

local function script(job, name, lines)
  batch.check(sys.write(job:path("slurm", name), table.concat(lines, "\n") .. "\n"))
end

function engine.prepare(job)
  batch.check(sys.mkdir(job:path "slurm"))
  local mib = math.max(128, (job.options.task_memory or 1 << 30) >> 20)
  local lines = head(job, "tasks", { "--cpus-per-task=" .. job.options.threads, "--mem=" .. mib .. "M", "--requeue",
    "--open-mode=append", "--signal=B:TERM@60", "--output=slurm/tasks.log", "--error=slurm/tasks.log" })
  local body = TASKS:gsub("@(%u+)@", { JOB = batch.quote(job.dir), TELLUA = batch.quote(sys.exe),
    MOST = tostring(batch.MOST_STARTS), BACKOFF = tostring(job.options.backoff) })
  lines[#lines + 1] = body:gsub("\n$", "")
  script(job, "tasks.sbatch", lines)
  lines = head(job, "merge", { "--requeue", "--open-mode=append", "--output=merge.out", "--error=merge.err" })
  lines[#lines + 1] = "exec " .. batch.quote(sys.exe) .. " task " .. batch.quote(job.dir) .. " merge"
  script(job, "merge.sbatch", lines)
  lines = head(job, "before", { "--output=before.out", "--error=before.err" })
  lines[#lines + 1] = "for other; do " .. batch.quote(sys.exe) .. ' wait "$other" --quiet || exit; done'
  script(job, "before.sbatch", lines)
end

-- --- asking --------------------------------------------------------------------------------------

-- Newer Slurms wrap numbers and put states into lists.
local function number(x)
  if type(x) == "table" then return x.set and x.number or nil end
  return x
end

local function state_of(x)
  local s = x.job_state
  return type(s) == "table" and s[1] or s
end

local GOING = { PENDING = true, CONFIGURING = true, RUNNING = true, COMPLETING = true, SUSPENDED = true,
  REQUEUED = true, REQUEUE_HOLD = true, SPECIAL_EXIT = true, RESIZING = true, REQUEUE_FED = true, STOPPED = true }

-- "3,7-9%2" -> 3, 7, 8, 9
local function elements(text)
  local list = {}
  for a, b in (text or ""):gsub("%%.*", ""):gmatch "(%d+)%-?(%d*)" do
    for i = tonumber(a), tonumber(b) or tonumber(a) do list[#list + 1] = i end
  end
  return list
end

-- One question for all jobs: {[job id] = list}
function engine.query()
  local out = batch.tool({ "squeue", "--json", "-u", sys.user }, "asking Slurm")
  local seen = {}
  for _, j in ipairs((sys.json(out) or {}).jobs or {}) do
    local id, kind = (type(j.comment) == "string" and j.comment or ""):match "^tellua:([^:]+):(%a+)"
    if not id and type(j.comment) == "table" then
      id, kind = (j.comment.job or ""):match "^tellua:([^:]+):(%a+)"
    end
    if id and GOING[state_of(j)] then
      seen[id] = seen[id] or {}
      table.insert(seen[id], { kind = kind, state = state_of(j), reason = j.state_reason, id = number(j.job_id),
        array = number(j.array_job_id), element = number(j.array_task_id), pending = j.array_task_string })
    end
  end
  return seen
end

-- Arrays of the job: {{id =, todo = {line -> task}}}
local function arrays(job)
  local list = {}
  for id, k in (batch.read(job:path("slurm", "ids")) or ""):gmatch "(%d+):(%d+)" do
    local todo, i = {}, 0
    for n in (batch.read(job:path("slurm", "todo-" .. k .. ".txt")) or ""):gmatch "%d+" do
      todo[i], i = n, i + 1
    end
    list[tonumber(id)] = todo
  end
  return list
end

local HELD = { JobHeldUser = true, JobHeldAdmin = true }

local function sort_out(job, list)
  local r = { running = {}, held = {}, steps = {}, suspended = 0, tasks = 0 }
  local todo = arrays(job)
  for _, j in ipairs(list) do
    if j.kind == "tasks" then
      local of = todo[j.array] or {}
      for _, i in ipairs(j.element and { j.element } or elements(j.pending)) do
        local n = of[i]
        r.tasks = r.tasks + 1
        if n and (j.state == "RUNNING" or j.state == "COMPLETING") then r.running[n] = j
        elseif n and (j.state == "SUSPENDED" or j.state == "STOPPED") then
          r.running[n], r.suspended = j, r.suspended + 1
        elseif n and (HELD[j.reason] or j.state == "REQUEUE_HOLD" or j.state == "SPECIAL_EXIT") then
          local f = job:failure(tonumber(n))
          r.held[n] = f and f.text or "held by the user"
        end
      end
    else r.steps[j.kind] = j end
  end
  return r
end

function engine.look(job, seen)
  local s = job:state()
  if s.state == "new" then return s end
  if job:merged() then
    local _, _, when = sys.stat(job:path "merge.done")
    s.state, s.reason, s.ended = "done", nil, when
    return s
  end
  local list = (seen or engine.query())[job.id]
  local r = list and sort_out(job, list)
  local failed = sys.stat(job:path("slurm", "failed"))
  if not r or failed or r.tasks == 0 and r.steps.merge and r.steps.merge.reason == "DependencyNeverSatisfied" then
    if job:merged() then return engine.look(job, seen) end
    if job:wanted() == "cancel" then
      s.state, s.reason, s.exit = "cancelled", "cancelled by the user", batch.INTERRUPTED
    else
      s.state, s.reason, s.exit = "failed", "its jobs left Slurm's queue; `tellua retry` goes on", 75
      for _, n in ipairs(batch.sorted(job:progress().failed)) do
        local f = job:failure(n)
        if f then s.reason, s.exit = f.text, f.exit break end
      end
    end
    s.ended = s.ended or sys.now()
    return s
  end
  s.running, s.held = r.running, r.held
  local held = batch.sorted(r.held)[1]
  if r.suspended > 0 then s.state, s.reason = "suspended", "suspended by the user"
  elseif held then s.state, s.reason = "held", "task " .. held .. ": " .. r.held[held]
  elseif r.steps.before then s.state, s.reason = "waiting", "for " .. (job.after or {})[1]
  elseif r.tasks == 0 then s.state, s.reason = "running", "assembling the products"
  else s.state, s.reason = "running", nil end
  return s
end

-- --- doing ---------------------------------------------------------------------------------------

local function sbatch(job, words)
  table.insert(words, 1, "sbatch")
  table.insert(words, 2, "--parsable")
  local out = batch.tool(words, "submitting " .. job.name)
  return (out:match "%d+")
end

-- Jobs before this one: Slurm's own by their merge's number, others by one that waits for them.
local function dependency(job)
  local ids, others = {}, {}
  for _, dir in ipairs(job.after or {}) do
    local other = batch.open(dir)
    local id = other:state().merge
    if other.engine == "slurm" and id and not other:merged() then ids[#ids + 1] = id
    elseif not other:merged() then others[#others + 1] = dir end
  end
  if #others > 0 then ids[#ids + 1] = sbatch(job, { job:path("slurm", "before.sbatch"), table.unpack(others) }) end
  return #ids > 0 and "--dependency=afterok:" .. table.concat(ids, ":") or nil
end

function engine.start(job)
  local list = engine.query()[job.id]
  if list and not sys.stat(job:path("slurm", "failed")) then
    if next(sort_out(job, list).held) then engine.act(job, "release") end
    return
  end
  os.remove(job:path("slurm", "failed"))
  os.remove(job:path("slurm", "cancelled"))
  local after, ids, known = dependency(job), {}, {}
  local todo = job:todo(job:progress())
  for k = 0, (#todo - 1) // ARRAY do
    local part = table.move(todo, k * ARRAY + 1, math.min(#todo, (k + 1) * ARRAY), 1, {})
    local file = job:path("slurm", "todo-" .. k .. ".txt")
    batch.check(sys.write(file, table.concat(part, "\n") .. "\n"))
    local words = { "--array=0-" .. #part - 1, "--kill-on-invalid-dep=yes", job:path("slurm", "tasks.sbatch"), file }
    if after then table.insert(words, 1, after) end
    ids[#ids + 1] = sbatch(job, words)
    known[#known + 1] = ids[#ids] .. ":" .. k
  end
  batch.check(sys.write(job:path("slurm", "ids"), table.concat(known, "\n") .. "\n"))
  local words = { "--kill-on-invalid-dep=yes", job:path("slurm", "merge.sbatch") }
  if #ids > 0 then table.insert(words, 1, "--dependency=afterok:" .. table.concat(ids, ":")) end
  local merge = sbatch(job, words)
  job:set_state { state = "running", scheduler = ids[1] or merge, merge = merge, started = sys.now() }
end

function engine.act(job, verb)
  local list = engine.query()[job.id]
  if not list then return false end
  if verb == "cancel" then sys.write(job:path("slurm", "cancelled"), "") end
  local verbs = { hold = "hold", release = "release", suspend = "suspend", resume = "resume" }
  for _, j in ipairs(list) do
    local id = j.element and j.array .. "_" .. j.element or tostring(j.id)
    if verb == "cancel" then sys.capture { "scancel", id }
    elseif j.kind == "tasks" then
      local running = j.state == "RUNNING"
      if verb == "hold" and running then sys.capture { "scontrol", "requeuehold", id }
      elseif verb ~= "suspend" or running then sys.capture { "scontrol", verbs[verb], id } end
    end
  end
  return true
end
