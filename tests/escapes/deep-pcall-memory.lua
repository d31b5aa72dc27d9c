-- expect: killed-memory|killed-time; memory; every level of pcall catches the refusal and asks for more
local function f(n) local ok = pcall(function() local t = ("x"):rep(1 << 24) .. n return f(n + #t) end) return f(n + 1) end
f(0)
