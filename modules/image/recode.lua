-- Numbers for numbers: tables, ranges, bit fields. SPDX-License-Identifier: MIT
local core = ...
local methods, raise = core.methods, core.raise
local type, ipairs, pairs, tostring = type, ipairs, pairs, tostring
local mtype, format, sort, huge = math.type, string.format, table.sort, math.huge

local MOST_ENTRIES = 1024

local function number(x, what)
  if type(x) ~= "number" or x ~= x then
    raise(format("%s is a number, got %s", what, tostring(x)))
  end
  return x
end

-- The value of the first of {condition, value} that holds, else `other`; nil: invalid
local function choose(img, cases, other)
  local r, known = nil, nil
  for i = #cases, 1, -1 do -- the first comes last, to decide
    local cond, value = cases[i][1], cases[i][2]
    known = known and core["or"](cond, known) or cond
    local rest = r
    if rest == nil then rest = other == nil and value or other end
    r = core.where(cond, value, rest)
  end
  return core.keep(r, other == nil and known or core.isvalid(img))
end

-- remap{[10] = 1, [20] = 2}: other numbers for some; the rest becomes `other`, without it invalid
function methods.remap(img, entries, other)
  if type(entries) ~= "table" then
    raise("remap needs a table, such as {[10] = 1, [20] = 2}, got " .. type(entries))
  end
  if other ~= nil then number(other, "remap: what becomes of the rest") end
  local from, cases = {}, {}
  for k, v in pairs(entries) do
    from[#from + 1] = number(k, "remap: what is replaced")
    number(v, "remap: an entry")
  end
  if #from == 0 then raise "remap: an empty table" end
  if #from > MOST_ENTRIES then
    raise(format("remap: %d entries, at most %d; lookup takes whole numbers from 0 to 65535",
      #from, MOST_ENTRIES))
  end
  sort(from) -- pairs has no order, the plan must
  for i, k in ipairs(from) do cases[i] = { core.eq(img, k), entries[k] } end
  return choose(img, cases, other)
end

-- reclass{ {lo, hi, value}, ... }: value where lo <= x < hi; a limit of -math.huge or math.huge is
-- none. {closed = "right"}: lo < x <= hi. {other = number}: elsewhere; without it invalid.
function methods.reclass(img, ranges, options)
  options = options or {}
  local right = options.closed == "right"
  if options.closed ~= nil and not right and options.closed ~= "left" then
    raise(format("reclass: closed is \"left\" or \"right\", got %s", tostring(options.closed)))
  end
  if type(ranges) ~= "table" or type(ranges[1]) ~= "table" then
    raise "reclass needs a list of ranges, such as {{0, 10, 1}, {10, 20, 2}}"
  end
  if options.other ~= nil then number(options.other, "reclass: other") end
  local cases = {}
  for i, r in ipairs(ranges) do
    local lo, hi = number(r[1], "reclass: a limit"), number(r[2], "reclass: a limit")
    number(r[3], "reclass: a value")
    if lo >= hi then raise(format("reclass: range %d, %s..%s, is empty", i, lo, hi)) end
    local above = lo > -huge and (right and core.gt or core.ge)(img, lo)
    local below = hi < huge and (right and core.le or core.lt)(img, hi)
    local within = above and below and core["and"](above, below) or above or below
    cases[i] = { within or core.isvalid(img), r[3] }
  end
  return choose(img, cases, options.other)
end

-- bits(from, to): the field of these bits as a number, counted from 0, both included
function methods.bits(img, from, to)
  to = to == nil and from or to
  for _, x in ipairs { from or false, to or false } do
    if mtype(x) ~= "integer" or x < 0 or x > 62 then
      raise(format("bits: bits count from 0 to 62, got %s", tostring(x)))
    end
  end
  if to < from then raise(format("bits: %d is above %d", from, to)) end
  return core["and"](core.shr(img, from), (1 << (to - from + 1)) - 1)
end
