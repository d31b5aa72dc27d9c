-- openEO's process test cases, run by Tellua: tellua run tests/conformance/openeo.lua -p dir=DIR
-- SPDX-License-Identifier: MIT
--
-- DIR holds one JSON file per process, {"id":, "tests": [{"arguments":, "returns":, "throws":}]},
-- and assets/ beside them. A case of scalars or arrays becomes bands of one cell and a Function on
-- them, under plain IEEE; where an operation of Images does the same, that is run too, on the cases
-- whose numbers are finite (what is not finite is invalid there). A case of cubes becomes Images of
-- its slices. openeo/differences.json lists by name what Tellua answers otherwise, and why.
local dir = param("dir", "", { label = "folder of the cases" })
local verbose = param("verbose", false, { label = "print every case" })


local _, at = pcall(function() error "" end)
local here = tostring(at):match "^(.*)%.lua:%d+:" -- this script's place, without its ending

local function part(name, ...)
  local path = here .. "/" .. name
  return assert(load(read(path), "@" .. path))(...)
end

local processes = part "functions.lua"
local calls = part("calls.lua", processes)
local cubes = part("cubes.lua", calls, dir)
local F, S, C = processes.F, calls.S, cubes.C

local format, sort = string.format, table.sort

-- ---------------------------------------------------------------------------------------- the run

-- All processes that openEO has, those without a case too
local reasons = {}
for names, reason in pairs {
  ["text_begins text_concat text_contains text_ends text_find"] = "texts are Lua's own strings",
  ["date_between date_difference date_shift"] = "dates are what Collections filter by",
  ["add_dimension drop_dimension rename_dimension create_data_cube"] =
    "Images have bands and Collections dates; there are no other dimensions",
  ["array_labels array_create_labeled array_find_label"] =
    "labels of lists are texts; bands have names",
} do
  for name in names:gmatch "%S+" do reasons[name] = reason end
end

local function all_names()
  local names = {}
  for _, t in ipairs { F, C, S, reasons } do for name in pairs(t) do names[name] = true end end
  local list = {}
  for name in pairs(names) do list[#list + 1] = name end
  sort(list)
  return list
end

local differences, by_process = {}, {}
for _, d in ipairs(json.decode(read(here .. "/differences.json"))) do
  if d.case then differences[d.case] = d else by_process[d.process] = d end
end

local passed, failed, skipped, known = 0, 0, {}, 0
local rows = {}

local function note(name, verdict, reason)
  rows[#rows + 1] = { case = name, verdict = verdict, reason = reason or "" }
  if verdict == "failed" or verbose then print(verdict .. " " .. name .. ": " .. (reason or "")) end
end

local function run_case(id, case)
  local name = calls.case_name(id, case.arguments)
  local listed = differences[name]
  local delta = case.delta or listed and listed.delta or by_process[id] and by_process[id].delta
    or 1e-10
  if reasons[id] then
    skipped[reasons[id]] = (skipped[reasons[id]] or 0) + 1
    return note(name, "skipped", reasons[id])
  end
  local ok, why = pcall(C[id] and cubes.run_cube or calls.run_scalar, case, id, delta)
  if not ok then
    local reason = type(why) == "table" and rawget(why, "skip")
    if reason then
      skipped[reason] = (skipped[reason] or 0) + 1
      return note(name, "skipped", reason)
    end
    why = tostring(why)
  end
  if why and listed and not listed.delta then
    passed, known = passed + 1, known + 1
    return note(name, "passed", "a documented difference: " .. listed.reason)
  end
  if why then failed = failed + 1 else passed = passed + 1 end
  note(name, why and "failed" or "passed", why)
end

if dir == "" then error "which folder? -p dir=DIR" end
local files = 0
for _, id in ipairs(all_names()) do
  local ok, text = pcall(read, dir .. "/" .. id .. ".json")
  if ok then
    files = files + 1
    for _, case in ipairs(json.decode(text).tests) do run_case(id, case) end
  end
end
if files == 0 then error(dir .. " has no file of cases, such as add.json") end

local total_skipped, order = 0, {}
for reason, n in pairs(skipped) do
  total_skipped = total_skipped + n
  order[#order + 1] = reason
end
sort(order)
for _, reason in ipairs(order) do print(format("skipped %3d: %s", skipped[reason], reason)) end
print(format("%d of the passed are differences that %s/differences.json documents", known, here))
print(format("%d passed, %d failed, %d skipped", passed, failed, total_skipped))
output("openeo", rows)
if failed > 0 then error(failed .. " cases failed") end
