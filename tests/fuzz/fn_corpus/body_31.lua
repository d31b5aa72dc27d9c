function(a, b) local x, y = a / 2, b local function f() return a, x end return (f()), math.max(f())
end