-- The vegetation index from a stock Lua: lua5.4 docs/examples/ndvi_stock.lua SCENE [FOLDER]
-- Where the module was not installed for this Lua: LUA_CPATH=PREFIX/lib/lua/5.4/?.so
local tellua = require "tellua"

local products = tellua.run("scripts/ndvi.lua", {
  params = { scene = arg[1] },
  out = arg[2] or ".",
})
print(table.concat(products, "\n"))
