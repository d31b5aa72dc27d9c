/* The per-pixel parts of scripts that people use, written from their formulas as Lua functions.
 * SPDX-License-Identifier: MIT */
#ifndef TL_TEST_FN_GALLERY_H
#define TL_TEST_FN_GALLERY_H

static const struct {
    const char *name, *text;
} gallery[] = {
    {"highlight optimized natural colour",
     "function(B02, B03, B04)\n"
     "  local function cbrt(v) if v < 0 then return -((-v) ^ (1 / 3)) end return v ^ (1 / 3) end\n"
     "  return cbrt(0.6 * B04 - 0.035), cbrt(0.6 * B03 - 0.035), cbrt(0.6 * B02 - 0.035)\n"
     "end"},
    {"barren soil", "function(B02, B04, B08, B11)\n"
                    "  local v = 2.5 * ((B11 + B04) - (B08 + B02)) / ((B11 + B04) + (B08 + B02))\n"
                    "  return 2.5 * v, B08, B11\n"
                    "end"},
    {"index visualization", "function(B04, B08) return nd(B08, B04), 2 * B08, 2 * B04 end"},
    {"urban areas",
     "function(VV, VH, MASK) return 5.5 * VH > 0.5 and 1 or 0, VV, 8 * VH, MASK end"},
    {"green city", "function(B02, B03, B04, B08)\n"
                   "  local Y = 0.2 * 2.5 * B04 + 0.7 * 2.5 * B03 + 0.1 * 2.5 * B02\n"
                   "  if nd(B08, B04) >= 0.4 then return 0.1 * Y, 1.8 * Y, 0.1 * Y end\n"
                   "  return Y, Y, Y\n"
                   "end"},
    {"homage to mondrian",
     "function(B04, B08)\n"
     "  local function colour(v)\n"
     "    if v < 0.1 then return {1, 1, 1} elseif v < 0.2 then return {0.8, 0.2, 0}\n"
     "    elseif v < 0.4 then return {0.2, 0.2, 1} elseif v < 0.6 then return {1, 0.7, 0} end\n"
     "    return {0, 0, 0}\n"
     "  end\n"
     "  local c = colour(nd(B08, B04))\n"
     "  return c[1], c[2], c[3]\n"
     "end"},
    {"contour lines", "function(DEM, B04, B03, B02)\n"
                      "  if math.fmod(DEM * 1000, 50) < 4 then return 1, 1, 1 end\n"
                      "  return 5 * B04 - 0.2, 5 * B03 - 0.2, 5 * B02 - 0.2\n"
                      "end"},
    {"active fire", "function(B02, B03, B04, B11, B12)\n"
                    "  local q, n, s = (B02 - 0.2) / 0.3, nd(B02, B03), nd(B12, B11)\n"
                    "  if q > 1 then return {0.5 * B04, 0.5 * B03, 20 * B02} end\n"
                    "  if q > 0 and n > 0 then return {0.5 * B04, 0.5 * B03, 20 * B02} end\n"
                    "  if s > 0.4 or B12 > 1 then return {20 * B04, B03, B02} end\n"
                    "  return {B04, B04, B04}\n"
                    "end"},
    {"burned area", "function(B02, B03, B04, B08, B11, B12)\n"
                    "  local x = nd(B11, B12) + B08\n"
                    "  if x > 0.15 or nd(B08, B04) > 0.3 or nd(B03, B08) > 0.1 then\n"
                    "    return 2.5 * B04, 2.5 * B03, 2.5 * B02\n"
                    "  else\n"
                    "    return 1, 0, 0\n"
                    "  end\n"
                    "  do return B12, B11, B08 end\n"
                    "end"},
    {"snow classifier", "function(B02, B03, B04, B08, B11)\n"
                        "  local a = nd(B03, B11) >= 0.4 or math.abs(nd(B08, B04) - 0.1) <= 0.025\n"
                        "  if a and B03 > 0.3 then return 1, 0.8, 0.4 end\n"
                        "  return 2.5 * B04, 2.5 * B03, 2.5 * B02\n"
                        "end"},
    {"cohen-braaten-yang clouds",
     "function(B02, B03, B04)\n"
     "  local function clip(v) return math.max(0, math.min(1, v)) end\n"
     "  local r, n = (B02 - 0.175) / 0.215, nd(B02, B03)\n"
     "  if r > 1 then return 0.5 * clip(B04), 0.5 * clip(B03), 0.5 * clip(B02) + 0.5 * (r - 1) "
     "end\n"
     "  if r > 0 and n > 0 then\n"
     "    return 0.5 * clip(B04) + 5 * math.sqrt(r * n), 0.5 * clip(B03), 0.5 * clip(B02)\n"
     "  end\n"
     "  return 2.5 * B04, 2.5 * B03, 2.5 * B02\n"
     "end"},
    {"ndvi ramp",
     "function(B04, B08, MASK)\n"
     "  local function rgb(c) return {(c >> 16) / 255, (c >> 8 & 255) / 255, (c & 255) / 255} end\n"
     "  local hex = {0x0c0c0c, 0xbfbfbf, 0xdbdbdb, 0xeaeaea, 0xfff9cc, 0xede8b5, 0xddd89b,\n"
     "    0xccc682, 0xbcb76b, 0xafc160, 0xa3cc59, 0x91bf51, 0x7fb247, 0x70a33f, 0x609635, "
     "0x4f892d,\n"
     "    0x3f7c23, 0x306d1c, 0x216011, 0x0f540a, 0x004400}\n"
     "  local xs = {-0.5, -0.2, -0.1, 0, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25,\n"
     "    0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 1}\n"
     "  local cs = {}\n"
     "  for i, h in ipairs(hex) do cs[i] = rgb(h) end\n"
     "  local c = lerp(nd(B08, B04), xs, cs)\n"
     "  return c[1], c[2], c[3], MASK\n"
     "end"},
    {"evi ramp",
     "function(B02, B04, B08)\n"
     "  local e = 2.5 * (B08 - B04) / (B08 + 6 * B04 - 7.5 * B02 + 1)\n"
     "  return lerp(e, {-8.026, -8.026, 0, 7.804}, {{1, 1, 1}, {208 / 255, 88 / 255, 126 / 255},\n"
     "    {0, 147 / 255, 146 / 255}, {241 / 255, 234 / 255, 200 / 255}})\n"
     "end"},
    {"burned area index",
     "function(B04, B06, B07, B8A, B12)\n"
     "  local i = (1 - ((B06 * B07 * B8A) / B04) ^ 0.5) * ((B12 - B8A) / ((B12 + B8A) ^ 0.5) + 1)\n"
     "  return lerp(i, {0, 0, 0.5, 0.99}, {{1, 1, 1}, {0, 0, 1}, {250 / 255, 1, 10 / 255},\n"
     "    {1, 20 / 255, 20 / 255}})\n"
     "end"},
    {"scene classification",
     "function(SCL, MASK)\n"
     "  local class = SCL * 12 // 1\n"
     "  local colours = {[0] = {0, 0, 0}, {255, 0, 0}, {47, 47, 47}, {100, 50, 0}, {0, 160, 0},\n"
     "    {255, 230, 90}, {0, 0, 255}, {128, 128, 128}, {192, 192, 192}, {255, 255, 255},\n"
     "    {100, 200, 255}, {255, 150, 255}}\n"
     "  local c = colours[class] or {0, 0, 0}\n"
     "  return c[1] / 255, c[2] / 255, c[3] / 255, MASK\n"
     "end"},
    {"poor man's atmospheric correction",
     "function(B02, B03, B04)\n"
     "  local max, tx, ty = 3.1, 0.2, 0.4\n"
     "  local function curve(x, c)\n"
     "    local ar = (x - c) / (1 - c) ^ 2 / max\n"
     "    local t = tx / max\n"
     "    local b = (2 * t - 1) * ar - t\n"
     "    return ar * (1 + (t - ty) * (1 - ar) / b)\n"
     "  end\n"
     "  local function srgb(c) return c < 0.0031308 and 12.92 * c or 1.055 * c ^ 0.41666 - 0.055 "
     "end\n"
     "  local y = {curve(B04, 0.036), curve(B03, 0.072), curve(B02, 0.117)}\n"
     "  local avg = (y[1] + y[2] + y[3]) / 3\n"
     "  for i = 1, 3 do y[i] = srgb(avg * (1 - 1.3) + 1.3 * y[i]) end\n"
     "  return y\n"
     "end"},
    {"tonemapped natural colour",
     "function(B02, B03, B04)\n"
     "  local M1 = {{.439701, .382978, .177335}, {.0897923, .813423, .0967616},\n"
     "    {.017544, .111544, .870704}}\n"
     "  local M2 = {{2.52169, -1.13413, -.38756}, {-.27648, 1.37272, -.09624},\n"
     "    {-.01538, -.15298, 1.16835}}\n"
     "  local function times(m, v)\n"
     "    local r = {}\n"
     "    for i = 1, 3 do r[i] = m[i][1] * v[1] + m[i][2] * v[2] + m[i][3] * v[3] end\n"
     "    return r\n"
     "  end\n"
     "  local function map(f, v) return {f(v[1]), f(v[2]), f(v[3])} end\n"
     "  local function f(x) return ((x * (.15 * x + .05) + .004) / (x * (.15 * x + .5) + .06)) - "
     ".02 / .30 end\n"
     "  local c = {.025, .05, .08125}\n"
     "  local a, gain = {B04, B03, B02}, {1.5, 1.5 * .939, 1.5 * .779}\n"
     "  for i = 1, 3 do a[i] = (a[i] - c[i]) / (1 - c[i]) ^ 2 * gain[i] end\n"
     "  local L = .2126 * a[1] + .7152 * a[2] + .0722 * a[3]\n"
     "  for i = 1, 3 do a[i] = math.max(L + 2 * (a[i] - L), 0) end\n"
     "  a = times(M2, map(function(x) return f(x) / f(2.5) end, times(M1, a)))\n"
     "  return map(function(v) return v < .0031308 and 12.92 * v or 1.055 * v ^ .41666 - .055 end, "
     "a)\n"
     "end"},
    {"hollstein",
     "function(B01, B02, B03, B04, B05, B06, B07, B8A, B09, B10, B11)\n"
     "  local CLEAR = {3 * B04, 3 * B03, 3 * B02}\n"
     "  local SHADOW, WATER, CIRRUS = CLEAR, {.1, .1, .7}, {.8, .1, .1}\n"
     "  local CLOUD, SNOW = {.3, .3, 1}, {1, .8, .4}\n"
     "  local function class()\n"
     "    if B03 < .319 then\n"
     "      if B8A < .166 then\n"
     "        if B03 - B07 < .027 then return B09 - B11 < -.097 and CLEAR or SHADOW end\n"
     "        return B09 - B11 < .021 and WATER or SHADOW\n"
     "      end\n"
     "      if B02 / B10 < 14.689 then return B02 / B09 < .788 and CLEAR or CIRRUS end\n"
     "      return CLEAR\n"
     "    end\n"
     "    if B05 / B11 < 4.33 then\n"
     "      if B11 - B10 < .255 then return B06 - B07 < -.016 and CLOUD or CIRRUS end\n"
     "      return B01 < .3 and CLEAR or CLOUD\n"
     "    end\n"
     "    if B03 < .525 then return B01 / B05 < 1.184 and CLEAR or SHADOW end\n"
     "    return SNOW\n"
     "  end\n"
     "  return class()\n"
     "end"},
    {"clouds by symbolic regression",
     "function(B01, B02, B03, B04, B07)\n"
     "  local function r(v) return math.floor(65535 * v + 0.5) end\n"
     "  local b1, b4, b7 = r(B01), r(B04), r(B07)\n"
     "  local u = math.abs(0.028702220187686 * b7 * b1 + 0.971297779812314 * math.sin(b1))\n"
     "  local s = math.sqrt(u)\n"
     "  local f = 2.16246741593412 - 0.796409165054949 * b4 + 0.971776520302587 * s +\n"
     "    0.0235599298084993 * math.floor(0.995223926146334 * s + 0.00477607385366598 * u) -\n"
     "    0.180030905136552 * math.cos(b4) + 0.0046635498889134 * u\n"
     "  if f < b7 then return 2.5 * B04, 2.5 * B03, 2.5 * B02 end\n"
     "  return 1, 1, 1\n"
     "end"},
    {"leaf area index, two of five neurons",
     "function(B03, B04, B05, B06, B07, B8A, B11, B12, vz, va, sz, sa)\n"
     "  local bounds = {{0, .253061520471542}, {0, .290393577911328}, {0, .305398915248555},\n"
     "    {.006637972542253, .608900395797889}, {.013972727018939, .753827384322927},\n"
     "    {.026690138082061, .782011770669178}, {.016388074192258, .493761397883092},\n"
     "    {0, .493025984460231}, {.918595400582046, 1}, {.342022871159208, .936206429175402}}\n"
     "  local rows = {{4.96238030555279, -.023406878966470, .921655164636366, .135576544080099,\n"
     "    -1.938331472397950, -3.342495816122680, .902277648009576, .205363538258614,\n"
     "    -.040607844721716, -.083196409727092, .260029270773809, .284761567218845},\n"
     "    {1.416008443981500, -.132555480856684, -.139574837333540, -1.014606016898920,\n"
     "    -1.330890038649270, .031730624503341, -1.433583541317050, -.959637898574699,\n"
     "    1.133115706551000, .216603876541632, .410652303762839, .064760155543506}}\n"
     "  local x = {B03, B04, B05, B06, B07, B8A, B11, B12, math.cos(math.rad(vz)),\n"
     "    math.cos(math.rad(sz)), math.cos(math.rad(sa - va))}\n"
     "  for i, b in ipairs(bounds) do x[i] = 2 * (x[i] - b[1]) / (b[2] - b[1]) - 1 end\n"
     "  local y = 1.096963107077220\n"
     "  local out = {-1.500135489728730, -.096283269121503}\n"
     "  for k, row in ipairs(rows) do\n"
     "    local s = row[1]\n"
     "    for i = 1, 11 do s = s + row[i + 1] * x[i] end\n"
     "    y = y + out[k] * (2 / (1 + math.exp(-2 * s)) - 1)\n"
     "  end\n"
     "  return (.5 * (y + 1) * (14.4675094548151 - .000319182538301) + .000319182538301) / 3\n"
     "end"},
    {"simple water bodies",
     "function(B02, B03, B04, B05, B08, B11, SCL, MASK)\n"
     "  local class = math.floor(SCL * 12)\n"
     "  local w = nd(B03, B11) > 0.1 or nd(B03, B08) > 0.2 or nd(B05, B11) > 0.03\n"
     "  local cloud = class == 8 or class == 9\n"
     "  local plain = cloud or not w\n"
     "  return {red = plain and 2 * B04 or 0, green = plain and 2 * B03 or 0,\n"
     "    blue = plain and 2 * B02 or 2, water = w, cloud = cloud,\n"
     "    index = MASK > 0.5 and nd(B03, B11) or nil}\n"
     "end"},
    {"water bodies, one scene",
     "function(B02, B03, B04, B08, B11, B12)\n"
     "  local function wbi(r, g, b, n, s1, s2)\n"
     "    local ndvi, sh = nd(n, r), b + 2.5 * g - 1.5 * (n + s1) - .25 * s2\n"
     "    local ns = 4 * (g - s1) - (.25 * n + 2.75 * s1)\n"
     "    local water = nd(g, s1) > .42 or nd(g, n) > .4 or ns > .1879 or sh > .1112 or\n"
     "      ndvi < -.2 or nd(n, s1) > 1\n"
     "    if ns <= -.03 or nd(s1, g) - ndvi > 0 then return 0 end\n"
     "    return water and 1 or 0\n"
     "  end\n"
     "  if wbi(B04, B03, B02, B08, B11, B12) >= .1 then return .44, .54, 1 end\n"
     "  return 2 * B04, 2 * B03, 2 * B02\n"
     "end"},
    {"brdf",
     "function(B, saa, vaa, s, z)\n"
     "  s, z = math.rad(s * 80), math.rad(z * 20)\n"
     "  local phi = math.abs(saa - vaa) * 360\n"
     "  if phi > 180 then phi = 360 - phi end\n"
     "  phi = math.rad(phi)\n"
     "  local function sec(v) return 1 / math.cos(v) end\n"
     "  local function rho(v)\n"
     "    local cosxi = math.cos(s) * math.cos(v) + math.sin(s) * math.sin(v) * math.cos(phi)\n"
     "    local xi = math.acos(cosxi)\n"
     "    local kvol = ((math.pi / 2 - xi) * cosxi + math.sin(xi)) / (math.cos(s) + math.cos(v)) - "
     "math.pi / 4\n"
     "    local ts, tv = math.tan(s), math.tan(v)\n"
     "    local D2 = ts ^ 2 + tv ^ 2 - 2 * ts * tv * math.cos(phi)\n"
     "    local c = 2 * math.sqrt(D2 + (ts * tv * math.sin(phi)) ^ 2) / (sec(s) + sec(v))\n"
     "    local t = math.acos(math.min(1, c))\n"
     "    local O = (t - math.sin(t) * math.cos(t)) * (sec(s) + sec(v)) / math.pi\n"
     "    local kgeo = O - sec(s) - sec(v) + .5 * (1 + cosxi) * sec(s) * sec(v)\n"
     "    return .0774 + .0079 * kgeo + .0372 * kvol\n"
     "  end\n"
     "  return 2.5 * B * rho(0) / rho(z)\n"
     "end"},
    {"radar for optical",
     "function(VV, VH, B04, B08, SCL)\n"
     "  local L = 10 * math.log(10)\n"
     "  local vv, vh, class = L * VV, L * VH, math.floor(SCL * 12)\n"
     "  local r = (vh - vv) / (vh + vv)\n"
     "  local s = 2.572 - .05047 * vh + .176 * vv + 3.422 * r\n"
     "  local x = class >= 7 and class <= 10 and s or nd(B08, B04)\n"
     "  return step(x, {0, 0, .2, .3, .4, .5, .6, .7, .8, .9, 1}, {0xa50026, 0xd73027, 0xf46d43,\n"
     "    0xfdae61, 0xfee08b, 0xffffbf, 0xd9ef8b, 0xa6d96a, 0x66bd63, 0x1a9850, 0x006837})\n"
     "end"},
    {"stubble", "function(B04, B06, B08, B11)\n"
                "  return B04 < .1 and B06 < .12 and B08 < .12 and B11 > .05 and B11 < .16\n"
                "end"},
};

#endif
