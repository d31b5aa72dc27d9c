-- expect: harmless|blocked-error; coroutine; a dead coroutine is called again and again
local f = coroutine.wrap(function() error("x") end)
for i = 1, 100 do pcall(f) end
return 1
