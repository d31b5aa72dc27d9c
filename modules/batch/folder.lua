-- The job folder: what lies where, which tasks are done. SPDX-License-Identifier: MIT
--
--   job.json      what to do: engine, options, parts of tasks; written once, when the folder is
--   made plan.json     graph, grids, outputs, versions and hash (jobs with pictures)
--   script.lua    the script's text
--   state.json    how it goes: state, reason, running, held; written by the engine
--   control.json  what the user wants: run, hold, suspend, cancel
--   tasks/SSS/NNNNNNN.*  of task N: idx dat (tiles) csv (rows) done failed out err
--   merge/        what the merge makes itself; merge.done
--   result/       products
local sys, batch = ...

local format = string.format
local Job = {}
Job.__index = Job

local SHARD = 1000 -- tasks of one folder: seven files each stay below 10,000 entries
batch.SHARD = SHARD

function batch.open(path)
  local dir, why = sys.realpath(path)
  if not dir then batch.fail("usage", path .. " is no job: " .. why) end
  local job = batch.read_json(dir .. "/job.json")
  if not job then
    batch.fail("usage", path .. " is no job folder: it has no job.json; `tellua submit` makes one")
  end
  if job.format ~= 1 then
    batch.fail("config", path .. " was made by another version of tellua (" .. tostring(job.version) .. ")")
  end
  job.dir = dir
  return setmetatable(job, Job)
end

function Job:path(...) return table.concat({ self.dir, ... }, "/") end

function Job.shard(_, n) return format("%03d", n // SHARD) end
function Job.number(_, n) return format("%07d", n) end
function Job:base(n) return self:path("tasks", self:shard(n), self:number(n)) end

-- Its name as schedulers take any
function Job:label() return (self.name:gsub("[^%w_.-]", "_")) end

function Job:engine_of() return batch.engines[self.engine] end

-- {done = set, failed = set, ndone}: by the names of files; empty ones are made by tasks whose
-- files a scheduler carries
function Job:progress()
  local done, failed, n = {}, {}, 0
  for s = 0, (self.tasks - 1) // SHARD do
    local dir = self:path("tasks", format("%03d", s))
    for _, name in ipairs(sys.list(dir) or {}) do
      local number, kind = name:match "^(%d+)%.(%a+)$"
      if kind == "done" or kind == "failed" then
        local _, bytes = sys.stat(dir .. "/" .. name)
        number = (bytes or 0) > 0 and tonumber(number)
        if number and kind == "done" then done[number], n = true, n + 1
        elseif number then failed[number] = true end
      end
    end
  end
  for k in pairs(done) do failed[k] = nil end
  return { done = done, failed = failed, ndone = n }
end

function Job:todo(progress)
  local list = {}
  for n = 0, self.tasks - 1 do
    if not progress.done[n] then list[#list + 1] = n end
  end
  return list
end

function Job:merged() return sys.stat(self:path "merge.done") ~= nil end

function Job:state() return batch.read_json(self:path "state.json") or { state = "new" } end

function Job:set_state(s)
  s.changed = sys.now()
  batch.write_json(self:path "state.json", s)
end

-- What the user wants, and which of their wishes that is
function Job:wanted()
  local c = batch.read_json(self:path "control.json") or {}
  return c.want or "run", c.serial or 0
end

function Job:want(what)
  local c = batch.read_json(self:path "control.json") or { serial = 0 }
  batch.write_json(self:path "control.json", { want = what, serial = c.serial + 1 })
end

-- Why task n failed: {class =, text =, exit =}
function Job:failure(n)
  local f = batch.read_json(self:base(n) .. ".failed")
  if not f then return nil end
  local text = (f.where ~= "" and f.where .. ": " or "") .. f.message
  if f.source ~= "" and not f.message:find(f.source, 1, true) then
    text = text .. " (" .. f.source .. ")"
  end
  return { class = f.code, text = text, exit = f.exit, host = f.host }
end

-- The command line of task n, or of "merge", "engine", with what the folder is called there
function Job:command(n, program, folder)
  local c = { program or sys.exe, "task", folder or self.dir, tostring(n) }
  return c
end

-- --- a list of the user's jobs, so that `tellua jobs` finds them -------------------------------

local function absolute(path) return path and path:sub(1, 1) == "/" and path end

-- nil: the user has no folder of their own. One in /tmp would be anybody's.
local function registry()
  local home = absolute(os.getenv "HOME") or absolute(sys.home)
  local base = absolute(os.getenv "XDG_STATE_HOME") or home and home .. "/.local/state"
  return base and base .. "/tellua/jobs"
end

function Job:register()
  local dir = registry()
  if dir and sys.mkdir(dir) then sys.write(dir .. "/" .. sys.sha256(self.dir):sub(1, 16), self.dir .. "\n") end
end

-- Folders that are still there; a job that was removed is forgotten
function batch.registered()
  local dir, list = registry(), {}
  for _, name in ipairs(dir and sys.list(dir) or {}) do
    local path = (batch.read(dir .. "/" .. name) or ""):match "^[^\n]+"
    if path and sys.stat(path .. "/job.json") then
      list[#list + 1] = path
    elseif #name == 16 then
      os.remove(dir .. "/" .. name)
    end
  end
  table.sort(list)
  return list
end
