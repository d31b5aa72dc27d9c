function(a, b) local x, y = a / 2, b local v = 1 local function f() return v end if a < b then v = 2 end return f()
end