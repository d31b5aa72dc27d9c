-- Collections as moving pictures. SPDX-License-Identifier: MIT
local core = ...

local ipairs, pairs, setmetatable = ipairs, pairs, setmetatable
local format = string.format

local options = core.options

local meta = { __name = "Animation" }
meta.__tostring = function(a) return format("animation of %d frames", #a.pictures) end

-- Frames are computed when the file is wanted.
core.files[meta] = { bytes = function(a)
  return core.animation(a.pictures, a.options), a.options.format
end }

local own = { fps = true, size = options.whole_within(1, 4096), crs = true, res = true,
  format = options.one_of("gif", "mp4") }

-- A GIF counts hundredths of a second, in 16 bits.
function own.fps(x)
  return not (options.is_number(x) and x >= 0.01 and x <= 50) and "a number from 0.01 to 50" or nil
end

-- One range for all frames, or each would have its own
local function common_range(images)
  local lo, hi
  for _, img in ipairs(images) do
    for _, p in ipairs(core.percentiles(img, { 2, 98 })) do
      if p[1] == p[1] then lo = lo and lo < p[1] and lo or p[1] end
      if p[2] == p[2] then hi = hi and hi > p[2] and hi or p[2] end
    end
  end
  return lo, hi
end

local function is_ranged(looks)
  return looks.min or looks.max or looks.stretch or looks.palette or looks.classes
end

-- animate{format = "gif", fps = 2, size = 480, crs =, res =, and looks}
function core.collection_methods.animate(c, given)
  local looks, mine = {}, {}
  for k, v in pairs(given or {}) do
    if own[k] then mine[k] = v else looks[k] = v end
  end
  local o = options.check("animate", mine, own)
  o.fps, o.size, o.format = o.fps or 2, o.size or 480, o.format or "gif"
  local images = core.collection_products(c).images
  if not is_ranged(looks) then looks.min, looks.max = common_range(images) end
  local pictures = {}
  for i, img in ipairs(images) do pictures[i] = core.methods.visualize(img, looks) end
  return setmetatable({ pictures = pictures, options = o }, meta)
end
