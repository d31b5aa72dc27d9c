-- What the batch layer's files share: small helpers, errors, times. SPDX-License-Identifier: MIT
local sys, batch = ...

batch.questions = {} -- what the map server asks: name -> function() -> a list
batch.commands = {} -- what the command line calls: name -> function(args) -> exit status
batch.engines = {}  -- name -> {check, prepare, start, look, act}
batch.fail = sys.fail

-- Exit statuses of a task, by what they mean for its job.
batch.DONE, batch.CODE, batch.USAGE, batch.DATA = 0, 1, 2, 65
batch.TRANSIENT, batch.CONFIG, batch.EVICTED, batch.INTERRUPTED = 75, 78, 85, 130

-- A scheduler starts a task so often; then it is held.
batch.MOST_STARTS = 8

function batch.check(value, why)
  if not value then batch.fail("output", why or "?") end
  return value
end

function batch.read(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read "a"
  f:close()
  return text
end

function batch.read_json(path)
  local text = batch.read(path)
  if not text then return nil end
  return (sys.json(text))
end

function batch.write_json(path, value)
  batch.check(sys.write(path, sys.to_json(value, true) .. "\n"))
end

-- "01/02:03:04": days, hours, minutes, seconds
function batch.clock(seconds)
  local s = math.max(0, math.floor(seconds + 0.5))
  return string.format("%02d/%02d:%02d:%02d", s // 86400, s // 3600 % 24, s // 60 % 60, s % 60)
end

function batch.sorted(set)
  local list = {}
  for k in pairs(set) do list[#list + 1] = k end
  table.sort(list)
  return list
end

-- The last lines of a text, for messages
function batch.tail(text, n)
  local lines = {}
  for line in (text or ""):gmatch "[^\n]+" do lines[#lines + 1] = line end
  return table.concat(lines, "; ", math.max(1, #lines - (n or 3) + 1))
end

-- Runs a scheduler's tool. A tool that fails is an error with its own words.
function batch.tool(words, what)
  local out, err, status = sys.capture(words)
  if not out then batch.fail("config", what .. ": " .. err) end
  if status ~= 0 then
    batch.fail("transient", what .. ": " .. words[1] .. " ended with " .. status .. ": "
      .. batch.tail(err ~= "" and err or out))
  end
  return out
end

-- Whether a program can be found
function batch.has_tool(name)
  for dir in (os.getenv "PATH" or ""):gmatch "[^:]+" do
    if sys.stat(dir .. "/" .. name) then return true end
  end
  return false
end

-- Text as one word of a shell script
function batch.quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end
