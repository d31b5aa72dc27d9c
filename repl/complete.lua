-- Completion: what may stand behind what was typed. SPDX-License-Identifier: MIT
--
-- Runs nothing of the script: tables are read raw, Images and Collections are asked what they are.
-- Of an expression that is not a variable only its kind is guessed, from the words in it.
local R, core, globals, list_files = ...

local type, ipairs, pairs, next, rawget, pcall = type, ipairs, pairs, next, rawget, pcall
local find, match, sub, gmatch = string.find, string.match, string.sub, string.gmatch
local sort = table.sort

local MOST = 1000

local keywords = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function",
  "goto", "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until",
  "while" }
local commands = { ":explain", ":help", ":quit", ":run", ":time" }
local grid_fields = { "bounds", "col", "crs", "dx", "dy", "h", "row", "w", "x0", "y0" }
local to_image = { first = true, stack = true }
for _, n in ipairs { "mosaic", "median", "mean", "min", "max", "percentile", "stddev", "count",
  "mode", "medoid", "quality_mosaic", "reduce", "sum", "composite" } do to_image[n] = true end

local function keys(t, into)
  into = into or {}
  for k in next, t do
    if type(k) == "string" and find(k, "^[%a_][%w_]*$") and #into < MOST then
      into[#into + 1] = k
    end
  end
  return into
end

-- ------------------------------------------------------------------------------- what stands there

local function field(x, name)
  local kind = R.kind(x)
  if kind == "image" then
    for _, b in ipairs(core.methods.bands(x)) do
      if b == name then return x end -- a band: an Image as well
    end
  elseif type(x) == "table" then return rawget(x, name) end
end

-- The value of "a.b.c"; nil when it is none
local function value(chain)
  local x
  for name in gmatch(chain, "[^.]+") do
    if x == nil then x = rawget(globals, name) else x = field(x, name) end
    if x == nil then return nil end
  end
  return x
end

-- "image", "collection" ... of an expression that ends in a call, by its words
local function guess(text)
  local first = match(text, "^%s*([%a_][%w_]*)")
  local kind = first and R.kind(rawget(globals, first))
  if first == "Image" then kind = "image" end
  if first == "Collection" or first == "ImageCollection" then kind = "collection" end
  if kind == "collection" then
    for method in gmatch(text, ":%s*([%a_][%w_]*)") do
      if to_image[method] then kind = "image" end
    end
  end
  return kind
end

local pair = { [")"] = "()", ["]"] = "[]", ["}"] = "{}" }

-- The expression that ends the text: names, dots, calls in brackets, texts
local function expression(text)
  local at = #text
  while at > 0 do
    local c = sub(text, at, at)
    if c == ")" or c == "]" or c == "}" then
      local open = match(sub(text, 1, at), "()%b" .. pair[c] .. "$")
      if not open then break end
      at = open - 1
    elseif c == '"' or c == "'" then
      local open = match(sub(text, 1, at), "()" .. c .. "[^" .. c .. "]*" .. c .. "$")
      if not open then break end
      at = open - 1
    elseif c == " " and find(sub(text, at + 1), "^[\"'{]") then at = at - 1
    elseif find(c, "[%w_.:]") then at = at - 1
    else break end
  end
  return sub(text, at + 1)
end

-- ------------------------------------------------------------------------------------- candidates

local function of_kind(kind, sign, x)
  if kind == "image" then
    local list = keys(core.methods)
    if sign == "." and x ~= nil then
      list = {}
      for _, b in ipairs(core.methods.bands(x)) do list[#list + 1] = b end
    end
    return list
  elseif kind == "collection" then return keys(core.collection_methods)
  elseif kind == "grid" then return grid_fields end
end

local function members(before, sign)
  local chain = match(before, "([%a_][%w_.]*)$")
  local direct = chain and not find(sub(before, 1, #before - #chain), "[%]%):]%s*$")
  local x = direct and value(chain)
  if x ~= nil and x ~= false then
    if type(x) == "string" then return keys(rawget(globals, "string")) end
    local kind = R.kind(x)
    if kind then return of_kind(kind, sign, x) end
    return type(x) == "table" and keys(x) or {}
  end
  return of_kind(guess(expression(before)), sign) or {}
end

-- Texts: names of help, of bands and properties, of files
local function texts(before)
  if find(before, "help%s*%(?%s*$") then return R.help_names() end
  local subject = match(before, "^(.-)%[%s*$")
  local method, args
  if not subject then
    subject, method, args = match(before, "^(.*):%s*([%a_][%w_]*)%s*[%({]?([^%(%)]*)$")
  end
  local chain = subject and match(subject, "([%a_][%w_.]*)$")
  local x = chain and value(chain)
  local kind = x ~= nil and R.kind(x)
  if kind == "image" then return core.methods.bands(x) end
  if kind == "collection" then
    local good, about, _, scene = pcall(core.collection_about, x)
    if not good then return {} end
    if (method == "filter" or method == "sort" or method == "filterOn") and args == "" then
      local list = {}
      for k in pairs(scene) do list[#list + 1] = k end
      return list
    end
    return about.bands or {}
  end
  return nil
end

-- The quote that is open at the end of the text, and where
local function open_quote(text)
  local quote, from
  local at = 1
  while at <= #text do
    local c = sub(text, at, at)
    if quote and c == "\\" then at = at + 1
    elseif quote then
      if c == quote then quote = nil end
    elseif c == '"' or c == "'" then quote, from = c, at
    elseif sub(text, at, at + 1) == "--" then return nil end
    at = at + 1
  end
  return quote, from
end

local function fitting(list, start, behind)
  local found, seen = {}, {}
  for _, name in ipairs(list) do
    if sub(name, 1, #start) == start and not seen[name] then
      found[#found + 1], seen[name] = name, true
    end
  end
  sort(found)
  if #found == 1 and behind then found[1] = found[1] .. behind end
  return found, start
end

-- What stands before the cursor -> the candidates, and the part of it that they stand for
function R.complete(before)
  local line = match(before, "[^\n]*$")
  local quote, from = open_quote(line)
  if quote then
    local start = sub(line, from + 1)
    local list = texts(sub(line, 1, from - 1))
    if list then return fitting(list, start, quote) end
    list = list_files(start)
    sort(list)
    if #list == 1 and sub(list[1], -1) ~= "/" then list[1] = list[1] .. quote end
    return list, start
  end
  if find(line, "^:%a*$") then return fitting(commands, line, " ") end
  local run = match(line, "^:run%s+(.*)$")
  if run then return list_files(run), run end
  local head, sign, start = match(line, "^(.*)([.:])%s*([%a_]?[%w_]*)$")
  if head and find(head, "[%w_%]%)}\"']$") then return fitting(members(head, sign), start) end
  start = match(line, "[%a_][%w_]*$") or ""
  local list = keys(globals)
  for _, k in ipairs(keywords) do list[#list + 1] = k end
  return fitting(list, start)
end
