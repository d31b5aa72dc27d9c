-- Built-up areas in blue by boosted trees: 100 trees of 100 leaves, 9,900 decisions a pixel. Those
-- published are a trained model; these are drawn by a rule, and the function's text is put together
-- here. Where a feature is 0/0 no limit is above it.
--   tellua run scripts/gallery/built_up.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local seed = 25
local function draw(n) -- 0 .. n - 1
  seed = (seed * 1103515245 + 12345) % 2147483648
  return (seed >> 16) % n
end

local function tree(leaves)
  if leaves == 1 then return ("%.4f"):format((draw(1000) - 450) / 2500) end
  local feature, limit = draw(12) + 1, (draw(1000) - 200) / 1250
  local less = tree(leaves // 2)
  return ("(f%d < %.4f and %s or %s)"):format(feature, limit, less, tree(leaves - leaves // 2))
end

local text = { [[
  return function(B01, B02, B03, B04, B05, B06, B07, B08, B11, B12)
    local function nd(a, b) return (a - b) / (a + b) end
    local f1, f2, f3, f4 = B01 / 1e4, B02 / 1e4, B03 / 1e4, B04 / 1e4
    local f5, f6, f7, f8, f9 = nd(B08, B04), nd(B03, B08), nd(B08, B03), nd(B08, B05), nd(B08, B06)
    local f10 = ((B11 + B04) - (B08 + B02)) / ((B11 + B04) + (B08 + B02))
    local f11, f12 = B07 / B03 - 1, B11 / B12
    local s = 0.0
]] }
for _ = 1, 100 do text[#text + 1] = "s = s + " .. tree(100) .. "\n" end
text[#text + 1] = [[
    if 1 / (1 + math.exp(-s)) > 0.8 then return B04 / 1e4, B03 / 1e4, (B02 / 1e4) + 0.75 end
    return 3.5 * B04 / 1e4, 3.5 * B03 / 1e4, 3.5 * B02 / 1e4
  end]]
local built_up = load(table.concat(text))()

local img = bands("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")
output("built_up", img:execute(built_up, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
