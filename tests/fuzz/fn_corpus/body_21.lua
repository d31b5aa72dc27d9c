function(a, b) local x, y = a / 2, b local v = a < b if x < y then v = a end return v
end