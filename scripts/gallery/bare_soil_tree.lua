-- Bare soil in blue by one decision tree of depth 7. The published thresholds are data of a trained
-- model; these were drawn by a rule (tests/py/gallery_test.py has it), in the same shape.
-- A class needs the larger count, the first where they are equal.
--   tellua run scripts/gallery/bare_soil_tree.lua -p scene="R10m/{band}.jp2"
local scene = param("scene", "", { label = "scene" })

local function bands(...)
  if not scene:find("{band}", 1, true) then return Image(scene):select(...) end
  local files = {}
  for _, name in ipairs { ... } do files[name] = (scene:gsub("{band}", name)) end
  return Image(files)
end

local function bare_soil(B02, B03, B04, B05, B07, B08, B11)
  local f1 = ((B11 + B04) - (B08 + B02)) / ((B11 + B04) + (B08 + B02))
  local f2, f3, f4 = nd(B08, B04), nd(B08, B07), B07 / B05 - 1
  local soil, other
  if f4 < 0.590 then
    if f2 < 0.685 then
      if f2 < 0.579 then
        if f2 < 0.622 then
          if f4 < 0.049 then
            if f3 < -0.056 then
              soil, other = 27, 18
            else
              if f1 < 0.471 then
                soil, other = 43, 78
              else
                soil, other = 35, 53
              end
            end
          else
            soil, other = 95, 94
          end
        else
          soil, other = 46, 96
        end
      else
        if f3 < 0.497 then
          if f1 < -0.260 then
            soil, other = 18, 6
          else
            if f4 < 0.122 then
              if f1 < 0.232 then
                soil, other = 98, 11
              else
                soil, other = 15, 84
              end
            else
              soil, other = 23, 52
            end
          end
        else
          if f2 < 0.558 then
            soil, other = 83, 8
          else
            soil, other = 50, 34
          end
        end
      end
    else
      if f1 < 0.550 then
        if f2 < 0.259 then
          soil, other = 99, 91
        else
          if f2 < 0.112 then
            if f3 < 0.121 then
              soil, other = 30, 57
            else
              soil, other = 30, 3
            end
          else
            soil, other = 29, 4
          end
        end
      else
        if f1 < 0.224 then
          if f2 < -0.287 then
            soil, other = 58, 59
          else
            soil, other = 15, 43
          end
        else
          if f2 < -0.262 then
            if f3 < 0.019 then
              soil, other = 99, 6
            else
              if f4 < 0.268 then
                soil, other = 37, 23
              else
                soil, other = 40, 65
              end
            end
          else
            soil, other = 53, 87
          end
        end
      end
    end
  else
    if f4 < 0.302 then
      if f2 < 0.438 then
        if f2 < 0.111 then
          soil, other = 73, 54
        else
          soil, other = 17, 22
        end
      else
        if f2 < -0.226 then
          soil, other = 61, 87
        else
          if f4 < 0.505 then
            if f3 < -0.066 then
              if f2 < 0.497 then
                soil, other = 49, 44
              else
                soil, other = 68, 22
              end
            else
              if f3 < -0.260 then
                soil, other = 16, 18
              else
                soil, other = 91, 68
              end
            end
          else
            if f1 < 0.071 then
              if f2 < 0.584 then
                soil, other = 98, 40
              else
                soil, other = 28, 21
              end
            else
              if f3 < 0.200 then
                soil, other = 3, 14
              else
                soil, other = 75, 38
              end
            end
          end
        end
      end
    else
      if f1 < 0.559 then
        if f4 < 0.135 then
          if f3 < 0.011 then
            if f2 < -0.070 then
              if f3 < 0.588 then
                soil, other = 32, 81
              else
                soil, other = 12, 82
              end
            else
              soil, other = 55, 65
            end
          else
            if f1 < 0.358 then
              if f2 < 0.226 then
                soil, other = 88, 87
              else
                soil, other = 68, 62
              end
            else
              if f2 < 0.345 then
                soil, other = 57, 54
              else
                soil, other = 7, 7
              end
            end
          end
        else
          if f4 < 0.278 then
            if f3 < 0.063 then
              if f3 < -0.163 then
                soil, other = 20, 48
              else
                soil, other = 40, 81
              end
            else
              soil, other = 15, 45
            end
          else
            soil, other = 48, 23
          end
        end
      else
        if f4 < 0.028 then
          if f4 < 0.398 then
            if f4 < 0.431 then
              if f2 < 0.389 then
                soil, other = 29, 17
              else
                soil, other = 60, 90
              end
            else
              if f3 < 0.427 then
                soil, other = 36, 35
              else
                soil, other = 5, 18
              end
            end
          else
            soil, other = 79, 22
          end
        else
          if f2 < -0.001 then
            if f2 < 0.210 then
              if f3 < 0.594 then
                soil, other = 98, 58
              else
                soil, other = 3, 13
              end
            else
              soil, other = 77, 23
            end
          else
            soil, other = 14, 1
          end
        end
      end
    end
  end
  local blue = 2.5 * B02
  if soil >= other and f2 > -0.1 then blue = blue + 0.3 end
  return 2.5 * B04, 2.5 * B03, blue
end

local img = bands("B02", "B03", "B04", "B05", "B07", "B08", "B11") / 10000
output("bare_soil", img:execute(bare_soil, { bands = { "r", "g", "b" } }),
  { rgb = { "r", "g", "b" }, min = 0, max = 1 })
