-- `local x = 1` at the top of what was entered becomes `x = 1`: at a prompt a variable is meant to
-- outlive its line. SPDX-License-Identifier: MIT
--
-- Tokens are looked at, no grammar: between `local` and its place in a block stand only words that
-- open or close blocks. Every line keeps its number. A `local x <close>` stays what it is.
local R = ...

local ipairs, find, sub, match = ipairs, string.find, string.sub, string.match
local gsub, concat = string.gsub, table.concat

local opens = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local closes = { ["end"] = true, ["until"] = true }

-- Where the text from `at` on goes on behind blanks and comments
local function skip(text, at)
  while true do
    at = find(text, "[^%s]", at) or #text + 1
    if sub(text, at, at + 1) ~= "--" then return at end
    local level = match(text, "^%-%-%[(=*)%[", at)
    if level then
      local _, last = find(text, "]" .. level .. "]", at, true)
      at = (last or #text) + 1
    else
      at = (find(text, "\n", at, true) or #text) + 1
    end
  end
end

local function string_end(text, at, quote)
  at = at + 1
  while at <= #text do
    local c = sub(text, at, at)
    if c == "\\" then at = at + 1
    elseif c == quote then return at end
    at = at + 1
  end
  return #text
end

-- First and last place of the token behind `at`, and its kind: a word, or "string", or "other"
local function token(text, at)
  local from = skip(text, at)
  if from > #text then return nil end
  local c = sub(text, from, from)
  local word = match(text, "^[%a_][%w_]*", from)
  if word then return from, from + #word - 1, word end
  if c == '"' or c == "'" then return from, string_end(text, from, c), "string" end
  local level = match(text, "^%[(=*)%[", from)
  if level then
    local _, last = find(text, "]" .. level .. "]", from, true)
    return from, last or #text, "string"
  end
  local number = match(text, "^%.?%d[%w_.]*", from)
  return from, number and from + #number - 1 or from, "other"
end

local function blank(text, from, last)
  local spaces = gsub(sub(text, from, last), "[^\n]", " ")
  return sub(text, 1, from - 1) .. spaces .. sub(text, last + 1)
end

-- The names behind `local` at `at`, what to blank, and where they end; nil when it must stay
local function names_behind(text, at)
  local names, attribs = {}, {}
  while true do
    local from, last, word = token(text, at)
    if not from or word == "string" or word == "other" then return nil end
    names[#names + 1], at = word, last + 1
    local lt, gt = match(text, "^%s*()<%s*[%a_]+%s*()>", at)
    if lt then
      if find(sub(text, lt, gt), "close") then return nil end
      attribs[#attribs + 1], at = { lt, gt }, gt + 1
    end
    local comma = skip(text, at)
    if sub(text, comma, comma) ~= "," then return names, attribs, at end
    at = comma + 1
  end
end

-- One `local` at from .. last; the new text and where to go on
local function promote(text, from, last, kept)
  local next_from, next_last, word = token(text, last + 1)
  if word == "function" then
    local _, _, name = token(text, next_last + 1)
    kept[#kept + 1] = name
    return blank(text, from, last), next_from
  end
  local names, attribs, stop = names_behind(text, last + 1)
  if not names then return text, last + 1 end
  for _, a in ipairs(attribs) do text = blank(text, a[1], a[2]) end
  text = blank(text, from, last)
  local sign = skip(text, stop)
  if sub(text, sign, sign) ~= "=" or sub(text, sign, sign + 1) == "==" then
    text = sub(text, 1, stop - 1) .. " = nil" .. sub(text, stop)
    stop = stop + 6
  end
  for _, n in ipairs(names) do kept[#kept + 1] = n end
  return text, stop
end

-- text -> the text to run, and the names that became variables of the session, ", " between them
function R.rewrite(text)
  local depth, at, kept = 0, 1, {}
  while true do
    local from, last, word = token(text, at)
    if not from then break end
    at = last + 1
    if word == "local" and depth == 0 then text, at = promote(text, from, last, kept)
    elseif opens[word] then depth = depth + 1
    elseif closes[word] then depth = depth - 1 end
  end
  return text, concat(kept, ", ")
end
