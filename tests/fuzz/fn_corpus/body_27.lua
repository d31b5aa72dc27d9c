function(a, b) local x, y = a / 2, b local function f(p) for i = 1, 3 do if p == i then return i end p = p - 1 end return p end 
end