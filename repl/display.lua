-- How values are printed at the prompt. SPDX-License-Identifier: MIT
local R, core, globals = ...

local type, ipairs, pairs, pcall, tostring, next, rawget, rawlen, getmetatable, print, select =
  type, ipairs, pairs, pcall, tostring, next, rawget, rawlen, getmetatable, print, select
local format, concat, sort, rep = string.format, table.concat, table.sort, string.rep
local find, gsub, gmatch, sub = string.find, string.gsub, string.gmatch, string.sub
local mtype = math.type

local WIDTH, MOST_ENTRIES, MOST_DEPTH, MOST_BANDS, MOST_ROWS = 76, 30, 3, 40, 20

function R.kind(x)
  local t = core.type(x)
  if t then return t end
  if type(x) == "userdata" and core.collection_state(x) ~= nil then return "collection" end
end
local kind = R.kind

-- ---------------------------------------------------------------------------------------- Images

local function wrapped(label, parts)
  local lines, line = {}, ""
  for i, p in ipairs(parts) do
    local piece = i < #parts and p .. "," or p
    if line ~= "" and #line + #piece > WIDTH then
      lines[#lines + 1], line = line, ""
    end
    line = line == "" and piece or line .. " " .. piece
  end
  lines[#lines + 1] = line
  for i, text in ipairs(lines) do lines[i] = format("  %-7s%s", i == 1 and label or "", text) end
  return concat(lines, "\n")
end

local function short(path) return (gsub(path, "^.*/", "")) end

local function band_texts(info)
  local list = {}
  for i, b in ipairs(info) do
    if i > MOST_BANDS then
      list[i] = format("... %d in all", #info)
      break
    end
    list[i] = b.name .. " " .. (b.type == "boolean" and "boolean" or b.dtype)
  end
  return list
end

local function grid_text(img)
  local good, g = pcall(core.methods.grid, img)
  if not good then return "none of its own: it reads no file" end
  return format("%d x %d cells of %.10g x %.10g, %s", g.w, g.h, g.dx, g.dy,
    g.crs == "" and "no coordinate system" or #g.crs > 40 and "a CRS of its own" or g.crs)
end

local function files_of(info)
  local list, seen = {}, {}
  for _, b in ipairs(info) do
    local name = b.source and short(b.source)
    if name and not seen[name] then list[#list + 1], seen[name] = name, true end
  end
  return list
end

local function look_text(looks)
  if not looks or next(looks) == nil then return nil end
  local keys, parts = {}, {}
  for k in pairs(looks) do keys[#keys + 1] = k end
  sort(keys)
  for i, k in ipairs(keys) do parts[i] = k .. " = " .. R.text(looks[k], 2) end
  return parts
end

local function image_text(img)
  local info = core.info(img)
  local lines = { format("Image of %d band%s", #info, #info == 1 and "" or "s"),
    wrapped("bands", band_texts(info)), wrapped("grid", { grid_text(img) }) }
  local files, looks = files_of(info), look_text(core.looks(img))
  if #files > 0 then lines[#lines + 1] = wrapped("files", files) end
  if looks then lines[#lines + 1] = wrapped("looks", looks) end
  return concat(lines, "\n")
end

-- ---------------------------------------------------------------------------------------- tables

local function key_text(k)
  if type(k) == "string" and find(k, "^[%a_][%w_]*$") then return k end
  return "[" .. R.text(k, MOST_DEPTH) .. "]"
end

local function sorted_keys(t, from)
  local keys = {}
  for k in next, t do
    if not (mtype(k) == "integer" and k >= 1 and k <= from) then keys[#keys + 1] = k end
  end
  sort(keys, function(a, b)
    local ta, tb = type(a), type(b)
    if ta ~= tb then return ta < tb end
    if ta == "number" or ta == "string" then return a < b end
    return false
  end)
  return keys
end

-- One to a line, short ones as many as fit
local function filled(parts, indent)
  local lines, line = {}, ""
  for i, p in ipairs(parts) do
    local piece = i < #parts and p .. "," or p
    local brief = #piece <= 24 and not find(piece, "\n")
    if line ~= "" and (not brief or #line + #piece + #indent > WIDTH) then
      lines[#lines + 1], line = line, ""
    end
    line = line == "" and piece or line .. " " .. piece
    if not brief then lines[#lines + 1], line = line, "" end
  end
  if line ~= "" then lines[#lines + 1] = line end
  return indent .. concat(lines, "\n" .. indent)
end

local function table_text(t, depth)
  if next(t) == nil then return "{}" end
  if depth >= MOST_DEPTH then return "{...}" end
  local parts, n = {}, rawlen(t)
  for i = 1, n do
    if #parts >= MOST_ENTRIES then break end
    parts[#parts + 1] = R.text(t[i], depth + 1)
  end
  local keys = sorted_keys(t, n)
  for _, k in ipairs(keys) do
    if #parts >= MOST_ENTRIES then break end
    parts[#parts + 1] = key_text(k) .. " = " .. R.text(rawget(t, k), depth + 1)
  end
  local left = n + #keys - #parts
  if left > 0 then parts[#parts + 1] = format("... %d more", left) end
  local line = concat(parts, ", ")
  local indent = rep("  ", depth)
  if #line + #indent < WIDTH and not find(line, "\n") then return "{ " .. line .. " }" end
  return "{\n" .. filled(parts, indent .. "  ") .. "\n" .. indent .. "}"
end

local function first_lines(text, most)
  local lines = {}
  for line in gmatch(text, "[^\n]+") do lines[#lines + 1] = line end
  if #lines <= most then return concat(lines, "\n") end
  return concat(lines, "\n", 1, most) .. format("\n... %d more lines", #lines - most)
end

-- ---------------------------------------------------------------------------------------- values

-- Within something else, when depth > 0: in one line where that is possible
function R.text(x, depth)
  local t = type(x)
  if depth > 0 and t == "string" then
    return (gsub(format("%q", #x > 200 and sub(x, 1, 200) .. "..." or x), "\\\n", "\\n"))
  end
  if t == "table" then
    local meta = getmetatable(x)
    if meta == nil then return table_text(x, depth) end
    if core.rows_csv(x) then return first_lines(core.rows_csv(x), MOST_ROWS) end
    return tostring(x)
  end
  local what = depth == 0 and kind(x)
  if what == "image" then return image_text(x) end
  if what == "collection" then
    local _, lines = core.collection_about(x)
    return concat(lines, "\n")
  end
  return tostring(x)
end

-- Prints what an entry gave; the last of it is `_` from now on
function R.display(...)
  local n = select("#", ...)
  local parts = {}
  for i = 1, n do parts[i] = R.text((select(i, ...)), 0) end
  local all = concat(parts, "\t")
  print(find(all, "\n") and concat(parts, "\n") or all)
  globals._ = ...
end

-- :explain VALUE
function R.explain(x)
  local k = kind(x)
  if k == "image" then return core.methods.explain(x) end
  if k == "collection" then return print(R.text(x, 0)) end
  core.raise(":explain wants an Image, got " .. (k or type(x)))
end
