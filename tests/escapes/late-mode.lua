-- expect: harmless|killed-time|blocked-error; vm; weak after all: __mode comes in when the metatable is set already
local mt = {}
local t = setmetatable({}, mt)
mt.__mode = "k"
for i = 1, 1000 do t[{}] = i end
return 1
