-- Colours by name and number, and colour ramps. SPDX-License-Identifier: MIT
local core = ...

local type, tonumber, tostring, pairs, ipairs = type, tonumber, tostring, pairs, ipairs
local format, gmatch, floor, sort = string.format, string.gmatch, math.floor, table.sort
local raise = core.raise

-- The 148 names of CSS.
local css = [[
aliceblue f0f8ff antiquewhite faebd7 aqua 00ffff aquamarine 7fffd4 azure f0ffff beige f5f5dc
bisque ffe4c4 black 000000 blanchedalmond ffebcd blue 0000ff blueviolet 8a2be2 brown a52a2a
burlywood deb887 cadetblue 5f9ea0 chartreuse 7fff00 chocolate d2691e coral ff7f50 cornflowerblue
6495ed cornsilk fff8dc crimson dc143c cyan 00ffff darkblue 00008b darkcyan 008b8b darkgoldenrod
b8860b darkgray a9a9a9 darkgreen 006400 darkgrey a9a9a9 darkkhaki bdb76b darkmagenta 8b008b
darkolivegreen 556b2f darkorange ff8c00 darkorchid 9932cc darkred 8b0000 darksalmon e9967a
darkseagreen 8fbc8f darkslateblue 483d8b darkslategray 2f4f4f darkslategrey 2f4f4f darkturquoise
00ced1 darkviolet 9400d3 deeppink ff1493 deepskyblue 00bfff dimgray 696969 dimgrey 696969
dodgerblue 1e90ff firebrick b22222 floralwhite fffaf0 forestgreen 228b22 fuchsia ff00ff
gainsboro dcdcdc ghostwhite f8f8ff gold ffd700 goldenrod daa520 gray 808080 green 008000
greenyellow adff2f grey 808080 honeydew f0fff0 hotpink ff69b4 indianred cd5c5c indigo 4b0082
ivory fffff0 khaki f0e68c lavender e6e6fa lavenderblush fff0f5 lawngreen 7cfc00 lemonchiffon
fffacd lightblue add8e6 lightcoral f08080 lightcyan e0ffff lightgoldenrodyellow fafad2 lightgray
d3d3d3 lightgreen 90ee90 lightgrey d3d3d3 lightpink ffb6c1 lightsalmon ffa07a lightseagreen
20b2aa lightskyblue 87cefa lightslategray 778899 lightslategrey 778899 lightsteelblue b0c4de
lightyellow ffffe0 lime 00ff00 limegreen 32cd32 linen faf0e6 magenta ff00ff maroon 800000
mediumaquamarine 66cdaa mediumblue 0000cd mediumorchid ba55d3 mediumpurple 9370db mediumseagreen
3cb371 mediumslateblue 7b68ee mediumspringgreen 00fa9a mediumturquoise 48d1cc mediumvioletred
c71585 midnightblue 191970 mintcream f5fffa mistyrose ffe4e1 moccasin ffe4b5 navajowhite ffdead
navy 000080 oldlace fdf5e6 olive 808000 olivedrab 6b8e23 orange ffa500 orangered ff4500 orchid
da70d6 palegoldenrod eee8aa palegreen 98fb98 paleturquoise afeeee palevioletred db7093
papayawhip ffefd5 peachpuff ffdab9 peru cd853f pink ffc0cb plum dda0dd powderblue b0e0e6 purple
800080 rebeccapurple 663399 red ff0000 rosybrown bc8f8f royalblue 4169e1 saddlebrown 8b4513
salmon fa8072 sandybrown f4a460 seagreen 2e8b57 seashell fff5ee sienna a0522d silver c0c0c0
skyblue 87ceeb slateblue 6a5acd slategray 708090 slategrey 708090 snow fffafa springgreen 00ff7f
steelblue 4682b4 tan d2b48c teal 008080 thistle d8bfd8 tomato ff6347 turquoise 40e0d0 violet
ee82ee wheat f5deb3 white ffffff whitesmoke f5f5f5 yellow ffff00 yellowgreen 9acd32
]]

-- Equally spaced from the lowest to the highest value, or at places from 0 to 255. Linear between
-- these stops, none is more than 2/255 from the published table (twilight: 4/255); those named
-- after two or three colours are ColorBrewer's.
local ramps = {
  gray = "000000 ffffff",
  greys = "ffffff f0f0f0 d9d9d9 bdbdbd 969696 737373 525252 252525 000000",
  viridis = "0:440154 17:481a6c 35:46307e 58:3e4c8a 93:2d708e 129:20928c 144:1fa088 157:25ac82 " ..
    "172:38b977 184:4ec36b 203:77d153 233:c5e021 242:dde318 248:ece51b 255:fde725",
  plasma = "0:0d0887 2:130789 12:2a0593 35:5102a3 54:6f00a8 67:8305a7 85:9c179e 113:bd3786 " ..
    "153:e16462 188:f79044 216:feb82c 233:fbd324 251:f2f227 255:f0f921",
  inferno = "0:000004 6:02020e 21:110a30 35:260c51 45:380962 58:4d0d6c 80:71196e 103:952667 " ..
    "126:b93556 150:d94d3d 172:ef6c23 194:fa9207 201:fc9f07 207:fcaa0f 220:fac42a " ..
    "232:f5db4c 241:f1ec6d 248:f3f68a 255:fcffa4",
  magma = "0:000004 2:010106 12:06051a 29:19103f 42:2c115f 54:400f74 66:54137d 90:792282 " ..
    "120:aa337d 143:cf4070 159:e55064 172:f2645c 187:fa7f5e 206:fea36f 227:feca8d " ..
    "255:fcfdbf",
  cividis = "0:00224e 17:002e6c 23:013271 26:0c3470 32:1a386f 47:31436d 83:555c6d 130:7e7d78 " ..
    "162:9d9576 195:bfb06b 224:dec958 241:f1d945 251:fde334 255:fee838",
  turbo = "0:30123b 1:321543 9:3a2d79 17:4143a7 25:4559cb 33:476ee6 41:4682f8 47:4391fe " ..
    "53:3ba0fd 63:2ab9ee 74:1ad2d2 82:18e0bd 89:20eaac 98:38f491 112:6dfe62 123:96fe44 " ..
    "132:affa37 141:c6f034 154:e3db38 165:f5c53a 175:fdae35 188:fd8a26 202:f26014 " ..
    "213:e4450a 226:cc2b04 241:a71401 255:7a0403",
  jet = "0:000080 28:0000ff 32:0000ff 85:00d4ff 89:00e4f8 96:16ffe1 162:ebff0c 165:f4f802 " ..
    "168:feed00 227:ff1300 232:e80000 255:800000",
  hot = "0:0b0000 93:ff0000 190:fffe00 255:ffffff",
  twilight = "0:e2d9e2 11:d0d4d9 34:8eb1c5 50:6e92c0 68:606cb8 85:5e43a5 96:59298e 103:521c79 " ..
    "115:3f1251 126:311339 132:341238 147:541546 163:7e2250 179:a03d50 197:b96456 " ..
    "211:c5866a 226:ceab92 245:ddd1d1 255:e2d9e2",
  terrain = "0:333399 38.25:0099ff 63.75:00cc66 127.5:ffff99 191.25:805c54 255:ffffff",
  gist_earth = "0:000000 1:01002b 2:010039 6:040064 8:050274 43:1d4f7a 72:308080 118:479a47 " ..
    "137:72a551 176:b4b65d 198:bfa664 203:c3a46c 225:dbb8a2 240:ecd3ce 255:fdfbfb",
  blues = "f7fbff deebf7 c6dbef 9ecae1 6baed6 4292c6 2171b5 08519c 08306b",
  greens = "f7fcf5 e5f5e0 c7e9c0 a1d99b 74c476 41ab5d 238b45 006d2c 00441b",
  reds = "fff5f0 fee0d2 fcbba1 fc9272 fb6a4a ef3b2c cb181d a50f15 67000d",
  oranges = "fff5eb fee6ce fdd0a2 fdae6b fd8d3c f16913 d94801 a63603 7f2704",
  purples = "fcfbfd efedf5 dadaeb bcbddc 9e9ac8 807dba 6a51a3 54278f 3f007d",
  ylgn = "ffffe5 f7fcb9 d9f0a3 addd8e 78c679 41ab5d 238443 006837 004529",
  ylgnbu = "ffffd9 edf8b1 c7e9b4 7fcdbb 41b6c4 1d91c0 225ea8 253494 081d58",
  ylorrd = "ffffcc ffeda0 fed976 feb24c fd8d3c fc4e2a e31a1c bd0026 800026",
  ylorbr = "ffffe5 fff7bc fee391 fec44f fe9929 ec7014 cc4c02 993404 662506",
  orrd = "fff7ec fee8c8 fdd49e fdbb84 fc8d59 ef6548 d7301f b30000 7f0000",
  pubu = "fff7fb ece7f2 d0d1e6 a6bddb 74a9cf 3690c0 0570b0 045a8d 023858",
  pubugn = "fff7fb ece2f0 d0d1e6 a6bddb 67a9cf 3690c0 02818a 016c59 014636",
  bupu = "f7fcfd e0ecf4 bfd3e6 9ebcda 8c96c6 8c6bb1 88419d 810f7c 4d004b",
  bugn = "f7fcfd e5f5f9 ccece6 99d8c9 66c2a4 41ae76 238b45 006d2c 00441b",
  gnbu = "f7fcf0 e0f3db ccebc5 a8ddb5 7bccc4 4eb3d3 2b8cbe 0868ac 084081",
  purd = "f7f4f9 e7e1ef d4b9da c994c7 df65b0 e7298a ce1256 980043 67001f",
  rdpu = "fff7f3 fde0dd fcc5c0 fa9fb5 f768a1 dd3497 ae017e 7a0177 49006a",
  rdylgn = "a50026 d73027 f46d43 fdae61 fee08b ffffbf d9ef8b a6d96a 66bd63 1a9850 006837",
  rdbu = "67001f b2182b d6604d f4a582 fddbc7 f7f7f7 d1e5f0 92c5de 4393c3 2166ac 053061",
  rdylbu = "a50026 d73027 f46d43 fdae61 fee090 ffffbf e0f3f8 abd9e9 74add1 4575b4 313695",
  rdgy = "67001f b2182b d6604d f4a582 fddbc7 ffffff e0e0e0 bababa 878787 4d4d4d 1a1a1a",
  spectral = "9e0142 d53e4f f46d43 fdae61 fee08b ffffbf e6f598 abdda4 66c2a5 3288bd 5e4fa2",
  brbg = "543005 8c510a bf812d dfc27d f6e8c3 f5f5f5 c7eae5 80cdc1 35978f 01665e 003c30",
  prgn = "40004b 762a83 9970ab c2a5cf e7d4e8 f7f7f7 d9f0d3 a6dba0 5aae61 1b7837 00441b",
  piyg = "8e0152 c51b7d de77ae f1b6da fde0ef f7f7f7 e6f5d0 b8e186 7fbc41 4d9221 276419",
  puor = "7f3b08 b35806 e08214 fdb863 fee0b6 f7f7f7 d8daeb b2abd2 8073ac 542788 2d004b",
  coolwarm = "0:3b4cc0 14:4b64d5 42:6f92f3 69:94b6ff 96:b9d0f9 124:d9dce1 140:e9d5cb 167:f7bca1 " ..
    "195:f39475 224:dd5f4b 246:c12b30 255:b40426",
  bluewhitered = "0000ff ffffff ff0000",
  seismic = "00004d 0000ff ffffff ff0000 800000",
}

local also = { -- other spellings
  grey = "gray", greyscale = "gray", grayscale = "gray", rainbow = "turbo", bwr = "bluewhitered",
  blue_white_red = "bluewhitered", earth = "gist_earth", elevation = "terrain", dem = "terrain",
}

local named, names
local function read_names() -- at the first colour: not every script has one
  if named then return end
  local by_name, list = { transparent = "00000000" }, {}
  for name, hex in gmatch(css, "(%a+) (%x+)") do by_name[name] = hex end
  for name in pairs(by_name) do list[#list + 1] = name end
  sort(list)
  named, names = by_name, list
end

local ramp_names = {}
for name in pairs(ramps) do ramp_names[#ramp_names + 1] = name end
sort(ramp_names)

local colors = { ramp_names = ramp_names }

function colors.show(x) -- a wrong argument, as a message shows it
  if type(x) == "table" then return "a table" end
  return type(x) == "string" and format("'%s'", x) or tostring(x)
end

local function hex_digits(text)
  read_names()
  local h = named[text:lower()] or text:match "^#(%x+)$"
  if h and (#h == 3 or #h == 4) then h = h:gsub("%x", "%0%0") end
  return h and (#h == 6 or #h == 8) and h or nil
end

local function no_color(text)
  if type(text) ~= "string" then
    raise(format("a colour is a text such as \"red\" or \"#ff8000\", got %s", colors.show(text)))
  end
  read_names()
  local near = core.nearest_name(text, names)
  raise(format("no colour '%s'%s; a colour is a CSS name, #rgb, #rrggbb or #rrggbbaa", text,
    near and format(", did you mean '%s'?", near) or ""))
end

-- { red, green, blue, alpha }, each 0 to 255
function colors.parse(text)
  local h = type(text) == "string" and hex_digits(text)
  if not h then no_color(text) end
  local c = { 0, 0, 0, 255 }
  for i = 1, #h // 2 do c[i] = tonumber(h:sub(2 * i - 1, 2 * i), 16) end
  return c
end

local function byte(x) return floor(x + 0.5) end

function colors.hex(c)
  local r, g, b, a = byte(c[1]), byte(c[2]), byte(c[3]), byte(c[4])
  if a == 255 then return format("#%02x%02x%02x", r, g, b) end
  return format("#%02x%02x%02x%02x", r, g, b, a)
end

-- The canonical name of a ramp and whether it is turned round ("viridis_r"); nil when unknown
function colors.find_ramp(name)
  local lower = name:lower()
  local base = lower:gsub("_r$", "")
  base = also[base] or base
  if ramps[base] then return base, base ~= (also[lower] or lower) end
end

function colors.check_ramp(name)
  if type(name) ~= "string" then raise("a ramp has a name, got " .. colors.show(name)) end
  local found, turned = colors.find_ramp(name)
  if found then return found, turned end
  local near = core.nearest_name(name, ramp_names)
  raise(format("no ramp '%s'%s; there are %s", name,
    near and format(", did you mean '%s'?", near) or "", table.concat(ramp_names, ", ")))
end

-- Stops { at = 0 .. 1, color = { r, g, b, a } } in ascending order
function colors.ramp(name)
  local stops = {}
  for stop in ramps[name]:gmatch "%S+" do
    stops[#stops + 1] = {
      at = tonumber(stop:match "^(.+):"), color = colors.parse("#" .. stop:match "%x+$"),
    }
  end
  for i, s in ipairs(stops) do s.at = s.at and s.at / 255 or (i - 1) / (#stops - 1) end
  return stops
end

function colors.spread(list)
  local stops = {}
  for i, c in ipairs(list) do
    stops[i] = { at = #list > 1 and (i - 1) / (#list - 1) or 0, color = colors.parse(c) }
  end
  return stops
end

-- The colour at place t, linear between the stops
function colors.at(stops, t)
  local k = 1
  while k < #stops and stops[k + 1].at < t do k = k + 1 end
  local a, b = stops[k], stops[k + 1] or stops[k]
  local f = b.at > a.at and (t - a.at) / (b.at - a.at) or 0
  f = f < 0 and 0 or f > 1 and 1 or f
  local c = {}
  for i = 1, 4 do c[i] = a.color[i] + (b.color[i] - a.color[i]) * f end
  return c
end

return colors
