-- Dates: texts into half-open spans of seconds, and back. SPDX-License-Identifier: MIT
--
-- Seconds since 1970-01-01 UTC, proleptic Gregorian calendar, no leap seconds.
local core, C = ...

local type, tonumber, tostring = type, tonumber, tostring
local floor, tointeger = math.floor, math.tointeger
local format = string.format
local raise = core.raise

local dates = {}
C.dates = dates

-- Days since 1970-01-01 of a civil date. March is the first month of the year that is counted, so
-- that the day that leap years add is the last one.
local function days(y, m, d)
  if m <= 2 then y = y - 1 end
  local era = y // 400
  local yoe = y - era * 400
  local doy = (153 * ((m + 9) % 12) + 2) // 5 + d - 1
  return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468
end
dates.days = days

-- year, month, day of a number of days
local function civil(z)
  z = z + 719468
  local era = z // 146097
  local doe = z - era * 146097
  local yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
  local doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
  local mp = (5 * doy + 2) // 153
  local m = mp < 10 and mp + 3 or mp - 9
  return yoe + era * 400 + (m <= 2 and 1 or 0), m, doy - (153 * mp + 2) // 5 + 1
end
dates.civil = civil

local function month_length(y, m)
  return days(m == 12 and y + 1 or y, m % 12 + 1, 1) - days(y, m, 1)
end

function dates.day_of(t) return floor(t / 86400) // 1 | 0 end

-- "2017-10-14", "2017-10-14T09:50:31Z"
function dates.date(t)
  return format("%04d-%02d-%02d", civil(dates.day_of(t)))
end

function dates.datetime(t)
  local ms = floor(t * 1000 + 0.5) | 0 -- rounded first: 59.9996 s are the next minute
  local s = ms // 1000 % 86400
  local text = format("%sT%02d:%02d:%02d", dates.date(ms // 1000), s // 3600, s // 60 % 60, s % 60)
  if ms % 1000 > 0 then text = format("%s.%03d", text, ms % 1000) end
  return text .. "Z"
end

local function check(y, m, d, text)
  if m < 1 or m > 12 then raise(format("%s: there is no month %d", text, m)) end
  if d < 1 or d > month_length(y, m) then
    raise(format("%s: %04d-%02d has %d days", text, y, m, month_length(y, m)))
  end
end

local function next_month(y, m)
  if m == 12 then return y + 1, 1 end
  return y, m + 1
end

-- One instant: "2017-10-14T09:50:31.5+02:00", UTC when no offset is said
local function instant(text, y, m, d, rest)
  local h, mi, more = rest:match "^[T ](%d%d):(%d%d)(.*)$"
  local s, zone = 0, more
  if more and more:sub(1, 1) == ":" then
    s, zone = more:match "^:(%d%d%.?%d*)(.*)$"
    s = tonumber(s)
  end
  if not h or not s then return nil end
  h, mi = tonumber(h), tonumber(mi)
  if h > 24 or mi > 59 or s >= 61 then raise(format("%s: there is no such time of day", text)) end
  local shift = 0
  if zone ~= "" and zone ~= "Z" and zone ~= "z" then
    local sign, zh, zm = zone:match "^([+-])(%d%d):?(%d?%d?)$"
    if not sign then return nil end
    shift = (tonumber(zh) * 3600 + (tonumber(zm) or 0) * 60) * (sign == "-" and -1 or 1)
  end
  return days(y, m, d) * 86400 + h * 3600 + mi * 60 + s - shift
end

-- The span of a text: from, to, and what it names: "year", "month", "day" or "instant"
function dates.span(text, what)
  if type(text) ~= "string" then
    raise(format("%s: a date is a text such as \"2017-10-14\", got %s", what, tostring(text)))
  end
  local y, rest = text:match "^%s*(%d%d%d%d)(.-)%s*$"
  local m, d, tail
  if y and rest ~= "" then m, tail = rest:match "^%-(%d%d?)(.*)$" end
  if m and tail ~= "" then d, tail = tail:match "^%-(%d%d?)(.*)$" end
  if not y or rest ~= "" and not m or m and not tail then
    raise(format("%s: '%s' is no date; write \"2017\", \"2017-10\", \"2017-10-14\" or "
      .. "\"2017-10-14T09:50:31Z\"", what, text))
  end
  y, m, d = tointeger(y), tointeger(m), tointeger(d)
  check(y, m or 1, d or 1, text)
  if d and tail ~= "" then
    local t = instant(text, y, m, d, tail)
    if not t then raise(format("%s: '%s' is no date and time", what, text)) end
    return t, t, "instant"
  elseif d then
    return days(y, m, d) * 86400, (days(y, m, d) + 1) * 86400, "day"
  elseif m then
    local y2, m2 = next_month(y, m)
    return days(y, m, 1) * 86400, days(y2, m2, 1) * 86400, "month"
  end
  return days(y, 1, 1) * 86400, days(y + 1, 1, 1) * 86400, "year"
end

-- Of three numbers: the day's span
function dates.day(y, m, d, what)
  y, m, d = tointeger(y), tointeger(m), tointeger(d)
  if not (y and m and d) then raise(what .. ": year, month and day are whole numbers") end
  check(y, m, d, format("%s(%d, %d, %d)", what, y, m, d))
  return days(y, m, d) * 86400, (days(y, m, d) + 1) * 86400
end

-- The fields that a date has, for keys of groups and properties of scenes
function dates.fields(t)
  local day = dates.day_of(t)
  local y, m, d = civil(day)
  return { year = y, month = m, day = d, doy = day - days(y, 1, 1) + 1 }
end
