function(a, b) local x, y = a / 2, b local function f(p) if p < 0 then return 1, 2 end return 3, 4 end local u, v = f(a) return v, 
end