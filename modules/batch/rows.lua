-- Rows of all tasks into one table. SPDX-License-Identifier: MIT
local sys, batch = ...

-- The fields of one record of CSV that begins at `at`; where the next begins. Quotes as they are.
local function record(text, at)
  local fields, start, quoted = {}, at, false
  while true do
    local i = text:find('[",\n]', at)
    if not i then i = #text + 1 end
    local ch = text:sub(i, i)
    if ch == '"' then quoted = not quoted
    elseif not quoted then
      fields[#fields + 1] = text:sub(start, i - 1)
      start = i + 1
      if ch ~= "," then return fields, i + 1 end
    elseif ch == "" then return fields, i end
    at = i + 1
  end
end

-- Scenes of different kinds have different columns: all of them, in the order in which they come.
local function all_columns(paths)
  local columns, place, same = {}, {}, true
  local first
  for _, path in ipairs(paths) do
    local f = batch.check(io.open(path, "rb"))
    local head = f:read "l" or ""
    f:close()
    first = first or head
    same = same and head == first
    for _, name in ipairs((record(head .. "\n", 1))) do
      if not place[name] then
        columns[#columns + 1] = name
        place[name] = #columns
      end
    end
  end
  return columns, place, same
end

local function copy(out, path, columns, place, same)
  local text = batch.read(path)
  local head, at = record(text, 1)
  if same then return out:write(text:sub(at)) end
  while at <= #text do
    local fields, cells
    fields, at = record(text, at)
    cells = {}
    for i = 1, #columns do cells[i] = "" end
    for i, name in ipairs(head) do cells[place[name]] = fields[i] end
    batch.check(out:write(table.concat(cells, ","), "\n"))
  end
  return out
end

-- result/NAME.csv of each output of rows; args is the job
function batch.commands.merge_rows(args)
  local job = batch.open(args.dir)
  for _, p in ipairs(job.parts) do
    if p.kind == "scenes" and not p.products then
      local paths = {}
      for n = p.first, p.first + p.tasks - 1 do
        paths[#paths + 1] = job:base(n) .. ".csv"
        if not sys.stat(paths[#paths]) then batch.fail("data", "the rows of task " .. n .. " are not there") end
      end
      local columns, place, same = all_columns(paths)
      local to = job:path("result", p.output .. ".csv")
      local out = batch.check(io.open(to .. ".new", "wb"))
      batch.check(out:write(table.concat(columns, ","), "\n"))
      for _, path in ipairs(paths) do batch.check(copy(out, path, columns, place, same)) end
      batch.check(out:close())
      batch.check(sys.adopt(to .. ".new", to))
      print(to)
    end
  end
  return 0
end
