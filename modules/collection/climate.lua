-- The usual year, and what differs from it. SPDX-License-Identifier: MIT
local core, C = ...

local type, tostring, ipairs = type, tostring, ipairs
local format = string.format
local raise, dates, methods, columns = core.raise, C.dates, C.methods, C.columns

local YEAR = 2000 -- the nominal one that the dates of a climatology lie in; it has a 29 February

local function start(m, d) return dates.days(YEAR, m, d) * 86400 end

-- The part of the year that a date lies in: its name, and when it begins in the nominal year
local parts = {}
function parts.month(f) return format("%02d", f.month), start(f.month, 1) end
function parts.day(f) return format("%02d-%02d", f.month, f.day), start(f.month, f.day) end
function parts.dekad(f)
  local d = math.min((f.day - 1) // 10, 2) * 10 + 1
  return format("%02d-%02d", f.month, d), start(f.month, d)
end
function parts.season(f)
  local s = f.month % 12 // 3
  return ({ "DJF", "MAM", "JJA", "SON" })[s + 1], start(s == 0 and 1 or s * 3, 1)
end

local function part_of(what, by)
  if type(by) ~= "string" or not parts[by] then
    raise(format("%s: by \"month\", \"season\", \"dekad\" or \"day\", got %s", what, tostring(by)))
  end
  return function(scene)
    if not scene.t then raise(format("%s: scene %s has no date", what, scene.id)) end
    return parts[by](dates.fields(scene.t))
  end
end

local function check_reducer(what, name)
  if type(name) ~= "string" or not C.fold[name] or name == "stack" then
    raise(format("%s: there is no reducer %s", what, tostring(name)))
  end
end

local function usual_year(c, what, by, reducer, ...)
  local state = C.state_of(c, what)
  check_reducer(what, reducer)
  if state.group then raise(what .. ": reduce the groups first, as with :median()") end
  local grouped = C.derive(state, { group = { name = by .. " of the year",
    key = part_of(what, by) } })
  return methods[reducer](grouped, ...)
end

-- climatology("month", "mean", ...): one Image for each month of the year, over all years
function methods.climatology(c, by, reducer, ...)
  return usual_year(c, "climatology", by or "month", reducer or "mean", ...)
end

-- {name of the part = Image}
local function by_part(c)
  local list, state = {}, C.state_of(c, "anomaly")
  for _, r in ipairs(C.records(state)) do list[r.scene.id] = C.image(r, state) end
  return list
end

-- anomaly("month", {reducer =, base = Collection, standardize = true, relative = true})
function methods.anomaly(c, by, options)
  local what = "anomaly"
  by = by or "month"
  local o = columns.options(what, options, { reducer = "mean", base = false, standardize = false,
    relative = false })
  if o.standardize and o.relative then raise "anomaly: standardize or relative, not both" end
  if o.base and not C.is_collection(o.base) then raise "anomaly: base is a Collection" end
  local key, sorted, state, records = part_of(what, by), columns.dated(c, what)
  local base = o.base or sorted
  local usual = by_part(usual_year(base, what, by, o.reducer))
  local spread = o.standardize and by_part(usual_year(base, what, by, "stddev", { ddof = 1 }))
  local images = {}
  for i, img in ipairs(C.images(state, records)) do
    local part = key(records[i].scene)
    local norm = usual[part]
    if not norm then
      raise(format("anomaly: base has no scene of %s %s, that of %s", by, part,
        records[i].scene.id))
    end
    norm = norm:select(img:bands())
    local d = core.sub(img, norm)
    if o.relative then d = core.div(d, norm)
    elseif spread then d = core.div(d, spread[part]:select(img:bands())) end
    images[i] = d
  end
  return columns.series(sorted, what, records, images)
end
