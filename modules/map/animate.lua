-- Collections as moving pictures. SPDX-License-Identifier: MIT
local core = ...

local ipairs, pairs, type, tostring, setmetatable = ipairs, pairs, type, tostring, setmetatable
local format = string.format
local raise = core.raise

local meta = { __name = "Animation" }
meta.__tostring = function(a)
  return format("animation of %d frames, %d bytes", a.frames, #a.gif)
end

core.files[meta] = { bytes = function(a) return a.gif, "gif" end }

local own = { fps = true, size = true, crs = true, res = true }

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

-- animate{fps = 2, size = 480, crs =, res =, and looks}
function core.collection_methods.animate(c, given)
  local looks, o = {}, { fps = 2, size = 480 }
  for k, v in pairs(given or {}) do
    if own[k] then o[k] = v else looks[k] = v end
  end
  if type(o.fps) ~= "number" or o.fps <= 0 or o.fps > 50 then
    raise(format("animate: fps is a number above 0, at most 50, got %s", tostring(o.fps)))
  end
  if math.type(o.size) ~= "integer" or o.size < 1 or o.size > 4096 then
    raise(format("animate: size is a whole number of cells to 4096, got %s", tostring(o.size)))
  end
  local images = core.collection_products(c).images
  if not is_ranged(looks) then looks.min, looks.max = common_range(images) end
  local pictures = {}
  for i, img in ipairs(images) do pictures[i] = core.methods.visualize(img, looks) end
  local gif = core.gif(pictures, { size = o.size, delay = math.floor(100 / o.fps + 0.5),
    crs = o.crs, res = o.res })
  return setmetatable({ gif = gif, frames = #images }, meta)
end
