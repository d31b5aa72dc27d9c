-- Which bands a scene has, in which of its assets, by its sensor's profile.
-- SPDX-License-Identifier: MIT
--
-- A layout is what scenes that are alike have in common: the profile, and for each band its asset.
--   { profile =, shift =, key =, bands = {{name =, asset = number in the scene's list, number =,
--     dtype =, ...}, ...}, by_name = {} }
local core, C = ...

local ipairs, pairs, tonumber, tostring, type = ipairs, pairs, tonumber, tostring, type
local pcall = pcall
local format, upper, concat = string.format, string.upper, table.concat
local raise, query = core.raise, C.query

local sensors = {}
C.sensors = sensors

-- ----------------------------------------------------------------------------------- which profile

local profiles, by_id
local function all()
  if not profiles then
    local list = core.read_profiles(ipairs, upper)
    by_id = { generic = list.generic }
    for _, p in ipairs(list) do by_id[p.id] = p end
    profiles = list
  end
  return profiles
end

function sensors.named(name)
  local p = all() and by_id[name]
  if not p then
    local names = {}
    for id in pairs(by_id) do names[#names + 1] = id end
    table.sort(names)
    local near = core.nearest_name(tostring(name), names)
    raise(format("there is no sensor profile '%s'%s; there are %s", tostring(name),
      near and format(", did you mean '%s'?", near) or "", concat(names, ", ")))
  end
  return p
end

local function matches(patterns, text)
  if not patterns or not text then return false end
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then return true end
  end
  return false
end

local function find(scene)
  local collection, platform = (scene.collection or ""):lower(), scene.platform
  for _, p in ipairs(all()) do
    local sure = matches(p.ids, scene.id)
    local maybe = matches(p.collections, collection)
    if maybe and p.platforms then maybe = platform and matches(p.platforms, platform:lower()) end
    if sure or maybe then return p end
  end
  return all().generic
end

local found = {} -- by collection, platform and what the id begins with: few for many scenes

function sensors.profile(scene, state)
  if state.profile then return sensors.named(state.profile) end
  local key = (scene.collection or "") .. "\0" .. (scene.platform or "") .. "\0"
    .. scene.id:sub(1, 10) .. (scene.id:match "_L%d%w" or "")
  local p = found[key]
  if not p then
    p = find(scene)
    found[key] = p
  end
  return p
end

-- ------------------------------------------------------------------------------ the numbers' shift

local function baseline_of(scene, rule)
  local p = query.properties(scene)
  local known = p[rule.property] or p["processing:version"]
  if tonumber(known) then return tonumber(known) end
  for _, text in ipairs { p["s2:product_uri"] or "", scene.id } do
    local n = text:match "_N(%d%d%d%d)_"
    if n then return tonumber(n) / 100 end
  end
end

local warned = {} -- of many scenes that have it, the first is named

local function warn_once(key, text)
  if not warned[key] then core.warn(text) end
  warned[key] = true
end

-- What the catalogue says of the assets, {key = {name, common_name, scale, offset, nodata,
-- data_type}}: one table for the many scenes of which it says the same
local infos, ninfos = {}, 0

local function catalogue(scene)
  local text = scene.info or ""
  local known = infos[text]
  if not known then
    local t = text ~= "" and core.from_json(text) or {}
    ninfos = ninfos + 1
    known = { id = ninfos, assets = t }
    infos[text] = known
  end
  return known
end

-- The offset that it says of bands with the profile's scale; nil when none
local function stated_offset(known, scale)
  if known.stated == nil then
    known.stated = false
    for _, a in pairs(known.assets) do
      if a.scale and math.abs(a.scale - scale) < 1e-12 and a.offset then known.stated = a.offset end
    end
  end
  return known.stated or nil
end

local FIRST_SHIFTED = 1643068800 -- 2022-01-25, when baseline 04.00 began

-- What is to be added to the numbers of a scene, once: 0 or the profile's shift. Where the
-- metadata contradict each other, "the offset is applied already" holds: it is said of the pixels
-- of these very files, the offset of raster:bands is often a copy of the product's.
local function shift_of(scene, profile)
  local rule = profile.baseline
  if not rule then return 0 end
  local p, shift, why = query.properties(scene), 0, nil
  local baseline = baseline_of(scene, rule)
  for _, name in ipairs(rule.applied) do
    if p[name] ~= nil then why = format("%s is %s", name, tostring(p[name])) end
    if p[name] == true then baseline = 0 break end
  end
  if baseline and baseline >= rule.from then shift = rule.shift end
  local said = stated_offset(catalogue(scene), rule.scale)
  if not baseline and said then -- the only one who says something
    shift = math.abs(said - rule.shift * rule.scale) < 1e-9 and rule.shift or 0
  elseif not baseline and scene.t and scene.t >= FIRST_SHIFTED then
    warn_once("baseline", format("scene %s does not say its processing baseline; its numbers are "
      .. "taken as they are", scene.id))
  end
  if said and math.abs(said - shift * rule.scale) > 1e-9 then
    why = why or format("the processing baseline is %s", baseline and format("%05.2f", baseline)
      or "not known")
    warn_once(said .. why, format("scene %s: raster:bands says offset %g, but %s; taken as offset "
      .. "%g, here and in scenes like it", scene.id, said, why, shift * rule.scale))
  end
  return shift
end

-- ------------------------------------------------------------------------------------------ assets

local rasters = { tif = true, tiff = true, jp2 = true, j2k = true, img = true, nc = true,
  zarr = true, vrt = true, hdf = true, h5 = true, he5 = true, grib = true, grb2 = true, bil = true,
  dat = true, asc = true, envi = true, ntf = true, safe = false, png = true, jpg = true,
  jpeg = true }
local pictures = { thumbnail = true, preview = true, overview = true, rendered_preview = true,
  browse = true, reduced_resolution_browse = true, tilejson = true, quicklook = true,
  ["thumbnail-small"] = true, pvi = true }

local function extension(href)
  local path = href:gsub("^%u+:\"?(.-)\"?:[^:/\\]*$", "%1"):gsub("[?#].*$", "")
  return (path:match "%.(%w+)/?$" or ""):lower()
end

local function is_raster(a)
  if pictures[a.key:lower()] then return false end
  local ext = extension(a.href)
  if a.href:find "^[%u%d_]+:\"" or a.href:find "^/vsi" and ext == "" then return true end
  return rasters[ext] or ext == "" and not a.key:lower():find "metadata"
    and not a.key:lower():find "manifest" and a.key ~= "info"
end

-- {name in lower case = number of the asset}: keys first, then what files are called
local function names_of(scene)
  local keys, files = {}, {}
  for i, a in ipairs(scene.assets) do
    if is_raster(a) then
      local key = a.key:lower():gsub("%.%w+$", "")
      keys[key] = keys[key] or i
      local base = a.href:gsub("[?#].*$", ""):match "([^/\\:\"]+)\"?$" or ""
      base = base:lower():gsub("%.%w+$", "")
      files[#files + 1] = { base, i }
    end
  end
  return keys, files
end

local function asset_of(keys, files, b)
  local names = { b.name:lower() }
  for _, k in ipairs(b.keys) do names[#names + 1] = k:lower() end
  for _, k in ipairs(b.common) do names[#names + 1] = k:lower() end
  for _, n in ipairs(names) do
    if keys[n] then return keys[n] end
  end
  for _, n in ipairs(names) do
    for _, f in ipairs(files) do
      if f[1] == n or f[1]:sub(-#n - 1) == "_" .. n then return f[2] end
    end
  end
end

local opened = {} -- what files say of their bands, by name

local function info_of(scene, a)
  local info = opened[a.href]
  if not info then
    local good, img = pcall(core.open, a.href)
    if not good then
      raise(format("scene %s, asset '%s': %s", scene.id, a.key,
        type(img) == "userdata" and img.message or tostring(img)))
    end
    info = core.info(img)
    opened[a.href] = info
  end
  return info
end

local function add(layout, b)
  if layout.by_name[b.name] then return end
  layout.bands[#layout.bands + 1] = b
  layout.by_name[b.name] = b
end

local types = { uint8 = true, int8 = true, uint16 = true, int16 = true, uint32 = true, int32 = true,
  uint64 = true, int64 = true, float32 = true, float64 = true }

local function profile_bands(layout, scene)
  local said = catalogue(scene).assets
  local keys, files = names_of(scene)
  for _, b in ipairs(layout.profile.bands) do
    local i = asset_of(keys, files, b)
    if i then
      local copy = {}
      for k, v in pairs(b) do copy[k] = v end
      copy.asset, copy.number = i, b.number or math.max(scene.assets[i].band, 1)
      local a = said[scene.assets[i].key]
      if a and a.data_type and copy.dtype ~= a.data_type then -- let the file decide, unless we only
        copy.dtype = not copy.dtype and types[a.data_type] and a.data_type or nil -- learn it here
      end
      add(layout, copy)
    end
  end
end

-- The same as the catalogue says it, without opening; nil when that is not all of it
local function stated_bands(scene, a)
  local said = catalogue(scene).assets[a.key]
  local list = {}
  if not said or a.band > 0 then return nil end
  for i, b in ipairs(said.bands or { said }) do
    local known = types[b.data_type or said.data_type or ""]
    if not known or said.bands and not b.name then return nil end
    list[i] = { name = b.name or a.key, dtype = b.data_type or said.data_type,
      common = b.common_name, scale = tonumber(b.scale or said.scale),
      offset = tonumber(b.offset or said.offset) }
  end
  return list
end

-- Bands of anything: an asset of one band is called as the asset, one of several as its bands
-- where it is the only asset, else KEY_BAND. `wanted` (may be nil) leaves files closed.
local function generic_bands(layout, scene, wanted)
  local list = {}
  for i, a in ipairs(scene.assets) do
    if is_raster(a) then list[#list + 1] = i end
  end
  for _, i in ipairs(list) do
    local a = scene.assets[i]
    local needed = not wanted or #list == 1 or wanted[a.key]
    for name in pairs(wanted or {}) do
      needed = needed or name:sub(1, #a.key + 1) == a.key .. "_"
    end
    if needed then
      local info = stated_bands(scene, a) or info_of(scene, a)
      for n, b in ipairs(info) do
        if a.band == 0 or a.band == n then
          local name = (#info == 1 or a.band > 0) and a.key or #list == 1 and b.name
            or a.key .. "_" .. b.name
          add(layout, { name = name, common = { b.common }, asset = i, number = n, dtype = b.dtype,
            classes = b.classes, scale = b.scale or 1, offset = b.offset or 0 })
        end
      end
    end
  end
end

-- ----------------------------------------------------------------------------------------- layouts

local function key_of(scene, profile, shift, wanted)
  local parts = { profile.id, tostring(shift), wanted and wanted.key or "" }
  for _, a in ipairs(scene.assets) do
    parts[#parts + 1] = a.key .. "\1" .. a.band .. "\1" .. extension(a.href)
  end
  parts[#parts + 1] = tostring(catalogue(scene).id)
  if profile.bands == nil then parts[#parts + 1] = scene.collection or "" end
  return concat(parts, "\0")
end

-- cache: layouts by key, of one evaluation. wanted: {name = true, key = text} or nil
function sensors.layout(scene, state, cache, wanted)
  local profile = sensors.profile(scene, state)
  local shift = shift_of(scene, profile)
  local key = key_of(scene, profile, shift, wanted)
  local layout = cache[key]
  if layout then return layout end
  layout = { key = key, profile = profile, shift = shift, bands = {}, by_name = {} }
  if profile.bands then profile_bands(layout, scene) end
  if #layout.bands == 0 then
    if profile.bands then
      layout.profile = all().generic
      warn_once(profile.id, format("scene %s has none of the bands of %s; its files are taken by "
        .. "their own names", scene.id, profile.title))
    end
    generic_bands(layout, scene, wanted)
  end
  if #layout.bands == 0 then
    local keys = {}
    for i, a in ipairs(scene.assets) do keys[i] = a.key end
    raise(format("scene %s has no raster%s among its assets (%s)", scene.id,
      wanted and format(" '%s'", wanted.key:gsub("\1", "', '")) or "",
      #keys > 0 and concat(keys, ", ") or "there is none"))
  end
  cache[key] = layout
  return layout
end

-- The cell type of a band; the file is asked where the profile does not say.
function sensors.dtype(b, scene)
  if not b.dtype then
    local info = info_of(scene, scene.assets[b.asset])
    local one = info[b.number]
    if not one then
      raise(format("scene %s, asset '%s': band %d of %d", scene.id, scene.assets[b.asset].key,
        b.number, #info))
    end
    b.dtype = one.dtype
    if b.scale == nil and one.scale then b.scale, b.offset = one.scale, one.offset end
  end
  return b.dtype
end

-- The band that a script means by a name: its own, or one that serves as well
function sensors.find_band(layout, name)
  local b = layout.by_name[name]
  if b then return b end
  for _, x in ipairs(layout.bands) do
    for _, c in ipairs(x.common or {}) do
      if c == name then return x end
    end
  end
end

function sensors.band_names(layout)
  local names = {}
  for i, b in ipairs(layout.bands) do names[i] = b.name end
  return names
end
