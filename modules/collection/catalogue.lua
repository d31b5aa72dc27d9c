-- Collection(source): by path, URL or name; what tellua.collections() offers.
-- SPDX-License-Identifier: MIT
local core, C, globals = ...

local ipairs, pairs, next, type, tostring, setmetatable = ipairs, pairs, next, type, tostring,
  setmetatable
local format, concat, sort = string.format, table.concat, table.sort
local raise, dates = core.raise, C.dates

-- --------------------------------------------------------------------------------- the search path

-- A JSON file that is no STAC but says where to look: {"source": "...", "options": {...}, "title":
-- "...", "profile": "..."}
local function definition(path)
  if not path:find "%.json$" or core.path_kind(path) ~= "file" then return nil end
  local text = core.read_text(path)
  if not text or not text:find '"source"' then return nil end
  local d = core.from_json(text)
  if type(d) ~= "table" or type(d.source) ~= "string" or d.stac_version or d.type then
    return nil
  end
  for key in pairs(d) do
    if key ~= "source" and key ~= "options" and key ~= "title" and key ~= "profile"
      and key ~= "licence" and key ~= "license" then
      raise(format("%s: a definition has source, options, title, profile and licence, not '%s'",
        path, key))
    end
  end
  if d.options ~= nil and type(d.options) ~= "table" then
    raise(path .. ": options is an object")
  end
  return d
end

local function folders()
  local list = {}
  for f in core.collection_path():gmatch "[^:]+" do list[#list + 1] = f end
  return list
end

-- Entries {name =, path =, title =, profile =}, those of earlier folders first; names are unique
local function offered()
  local list, seen = {}, {}
  for _, folder in ipairs(folders()) do
    local files = core.folder(folder)
    sort(files)
    for _, file in ipairs(files) do
      local name = file:match "^(.+)%.index$" or file:match "^(.+)%.json$"
        or file:match "^(.+)%.ndjson$"
      if name and not seen[name:lower()] then
        local path = folder .. "/" .. file
        local d = definition(path) or {}
        seen[name:lower()] = true
        list[#list + 1] = { name = name, path = path, title = d.title, profile = d.profile,
          source = d.source }
      end
    end
  end
  sort(list, function(a, b) return a.name < b.name end)
  return list
end

local listing = { __name = "collections" }
function listing.__tostring(list)
  if #list == 0 then return "no collections in " .. core.collection_path() end
  local lines, width = {}, 0
  for _, e in ipairs(list) do width = math.max(width, #e.name) end
  for i, e in ipairs(list) do
    lines[i] = format("%-" .. math.min(width, 60) .. "s  %s", e.name, e.title or e.source or e.path)
  end
  return concat(lines, "\n")
end

-- tellua.collections([text]): those whose name, title or source has the text
function core.collections(text)
  if text ~= nil and type(text) ~= "string" then
    raise("collections takes a text to look for, got " .. type(text))
  end
  local list = {}
  for _, e in ipairs(offered()) do
    local all = (e.name .. " " .. (e.title or "") .. " " .. (e.source or "")):lower()
    if not text or all:find(text:lower(), 1, true) then list[#list + 1] = e end
  end
  return setmetatable(list, listing)
end

-- ----------------------------------------------------------------------------------------- opening

-- An address without a file's name is a server's, which may have more than one wants to read.
local function is_service(s)
  local path = s:match "^https?://[^/?#]+([^?#]*)"
  return path and not path:find "%.%w+/?$"
end

local function is_address(s) return s:find "^%a[%w+.-]+://" or s:find '^[%u%d_]+:"?[^:]' end

local function find(name)
  local names = {}
  for _, e in ipairs(offered()) do
    if e.name:lower() == name:lower() then return e.path end
    names[#names + 1] = e.name
  end
  local near = core.nearest_name(name, names)
  raise(format("there is no collection '%s': neither a file or folder nor a name in %s%s%s", name,
    core.collection_path(), near and format("; did you mean '%s'?", near) or "",
    #names > 0 and "; tellua.collections() lists what is there" or ""))
end

-- A source of a definition is relative to the definition's file.
local function beside(path, source)
  if source:sub(1, 1) == "/" or is_address(source) then return source end
  local folder = path:match "^(.*)/[^/]*$"
  return folder and folder .. "/" .. source or source
end

local function copy(from, into)
  for k, v in pairs(from or {}) do into[k] = v end
  return into
end

local function check_own(options)
  if options.on_error ~= nil and options.on_error ~= "fail" and options.on_error ~= "skip" then
    raise(format("Collection: on_error is \"fail\" or \"skip\", got %s",
      tostring(options.on_error)))
  end
  if options.profile ~= nil then C.sensors.named(options.profile) end
  if options.title ~= nil and type(options.title) ~= "string" then
    raise "Collection: title is a text"
  end
end

local function open(source, options)
  local path, title = source, nil
  if not core.path_kind(source) and not is_address(source) then path = find(source) end
  local d = definition(path)
  local all = copy(options, copy(d and d.options, {}))
  if d then
    path, title = beside(path, d.source), d.title
    all.profile = all.profile or d.profile
  end
  check_own(all)
  local state = { source = all.title or (d and source) or source:match "([^/]+)/*$" or source,
    title = all.title or title, options = { on_error = all.on_error }, profile = all.profile,
    path = path }
  all.on_error, all.profile, all.title = nil, nil, nil
  local given = next(all) ~= nil and all or nil
  if is_service(path) then
    state.source = state.title or path:match "^https?://([^?#]*)"
    state.service = { path = path, options = given, asked = {} }
  else
    state.index = core.index_open(path, given, {})
  end
  return C.new(state)
end

-- ------------------------------------------------------------------------------- Images with dates

local function image_record(x, i, state, dates_of, ids)
  local img, date, id = x, dates_of and dates_of[i], ids and ids[i]
  if type(x) == "table" then img, date, id = x.image or x[1], x.date or date, x.id or id end
  if core.type(img) ~= "image" then
    raise(format("Collection{images = ...}: number %d is no Image but %s", i, type(img)))
  end
  local t = date ~= nil and dates.span(date, "Collection") or nil
  local properties = {}
  for k, v in pairs(type(x) == "table" and x.properties or {}) do properties[k] = v end
  return { image = img, state = state, ops = state.ops, scene = { t = t, assets = {},
    id = id or (date and format("%s %d", date, i)) or format("image %d", i),
    properties = properties } }
end

local function of_images(spec)
  for key in pairs(spec) do
    if key ~= "images" and key ~= "dates" and key ~= "ids" and key ~= "title" then
      raise(format("Collection{images = ...} has no field '%s'; there are images, dates, ids and "
        .. "title", tostring(key)))
    end
  end
  if type(spec.images) ~= "table" or #spec.images == 0 then
    raise "Collection{images = {...}} needs a list of Images"
  end
  local c = C.new { source = spec.title or "Images", records = {} }
  local state = core.collection_state(c)
  local seen = {}
  for i, x in ipairs(spec.images) do
    local r = image_record(x, i, state, spec.dates, spec.ids)
    if seen[r.scene.id] then raise(format("Collection: two Images are called '%s'", r.scene.id)) end
    seen[r.scene.id] = true
    state.records[i] = r
  end
  return c
end

-- Collection(source[, options]), Collection{images = {...}, dates = {...}}
function globals.Collection(source, options)
  if C.is_collection(source) then return source end
  if type(source) == "table" and source.images then return of_images(source) end
  if type(source) ~= "string" or source == "" then
    raise("Collection needs a path, an address or a name, got "
      .. (source == "" and "an empty text" or type(source)))
  end
  if options ~= nil and type(options) ~= "table" then
    raise("Collection: options are a table, got " .. type(options))
  end
  return open(source, options)
end
