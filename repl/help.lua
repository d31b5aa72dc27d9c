-- help: what the manual says of a name, also by the names of other systems.
-- SPDX-License-Identifier: MIT
local R, core, globals, data = ...

local type, ipairs, pairs, print, tostring = type, ipairs, pairs, print, tostring
local format, concat, sort, gmatch, lower = string.format, table.concat, table.sort, string.gmatch,
  string.lower
local gsub, find, rep = string.gsub, string.find, string.rep

local WIDTH, MOST = 84, 8

local entries = {} -- [name] = list of { signature, text, page, section }
for _, e in ipairs(data) do
  local list = entries[e[1]] or {}
  entries[e[1]] = list
  list[#list + 1] = { signature = e[2], text = e[3], page = e[4], section = e[5] }
end

local function wrap(text, indent)
  local lines, line = {}, ""
  for word in gmatch(text, "%S+") do
    if line ~= "" and #line + #word + 1 > WIDTH - indent then
      lines[#lines + 1], line = line, ""
    end
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = line
  local blank = rep(" ", indent)
  return blank .. concat(lines, "\n" .. blank)
end

local function say(list)
  for i, e in ipairs(list) do
    if i > MOST then
      print(format("... and %d more in the manual", #list - MOST))
      return
    end
    print(e.signature)
    if e.text ~= "" then print(wrap(e.text, 4)) end
    print(format("    (%s, %s)", e.page, e.section))
  end
end

-- Another system's name; false when it is none
local function by_alias(name)
  local of_image, of_collection = core.aliases.image[name], core.aliases.collection[name]
  if of_image == name then of_image = nil end
  if of_collection == name then of_collection = nil end
  local function told(canonical, whose)
    print(format("%s is %s here, a method of %s", name, canonical, whose))
    say(entries[canonical] or {})
  end
  if of_image and of_image == of_collection then told(of_image, "Images and Collections")
  else
    if of_image then told(of_image, "Images") end
    if of_collection then told(of_collection, "Collections") end
  end
  local word = core.aliases.word[name]
  if word and not (of_image or of_collection) then
    print(format("%s is %s here", name, word))
    say(entries[word] or {})
  end
  return of_image or of_collection or word
end

local function known_names()
  local names = {}
  for n in pairs(entries) do names[#names + 1] = n end
  for _, list in pairs(core.aliases) do
    for n in pairs(list) do names[#names + 1] = n end
  end
  sort(names)
  return names
end
R.help_names = known_names

-- Those whose explanation has the word, while their name has not
local function speaking_of(wanted)
  local names = {}
  for n, list in pairs(entries) do
    for _, e in ipairs(list) do
      if find(lower(e.text), wanted, 1, true) and not find(lower(n), wanted, 1, true) then
        names[#names + 1] = n
        break
      end
    end
  end
  sort(names)
  return names
end

local function by_words(name)
  local found, wanted = {}, lower(name)
  for _, n in ipairs(known_names()) do
    if n ~= found[#found] and find(lower(n), wanted, 1, true) then found[#found + 1] = n end
  end
  local about = speaking_of(wanted)
  local near = #found == 0 and #about == 0 and core.nearest_name(name, known_names())
  if near then found = { near } end
  local lines = { "nothing is called " .. name }
  if #found > 0 then
    lines[#lines + 1] = (#found == 1 and "there is " or "there are ") .. concat(found, ", ")
  end
  if #about > 0 then lines[#lines + 1] = "it is spoken of at " .. concat(about, ", ") end
  if #lines == 1 then lines[2] = "the manual's pages are in docs/manual" end
  print(wrap(concat(lines, "; "), 0))
end

local OVERVIEW = [[
A line of Lua is run; what it gives is printed, and the last of it is `_`. Unfinished lines go on.

  img = Image "scene.tif"                a raster file; Collection "folder" many scenes
  show(img)                              as a picture, at the view
  zoom(12)  zoom "+1"  zoom(img)         how near; pan(0.5, 0) moves by parts of the view
  place "Ispra"                          there
  img:check { n = 200 }                  is the picture true? random cells at full resolution
  help "filter_day"                      what the manual says, also by names of JEO-lab and GEE

  :time CODE       how long it takes       :explain IMAGE   what will be computed
  :run FILE        a script, in here       :help [NAME]     this, or of a name
  :quit            as Ctrl-D

Tab completes names, methods, bands, properties and files. Ctrl-C stops what runs.]]

function globals.help(name)
  if name == nil then return print(OVERVIEW) end
  if type(name) ~= "string" then
    core.raise("help wants a name as text, such as help \"filter_day\", got " .. type(name))
  end
  name = gsub(gsub(name, "^.*[.:]", ""), "%W*$", "")
  if entries[name] then
    say(entries[name])
    by_alias(name)
  elseif not by_alias(name) then by_words(tostring(name)) end
end
R.help = globals.help
