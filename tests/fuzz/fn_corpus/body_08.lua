function(a, b) local x, y = a / 2, b local t = {10, 20.5, 30} return t[x]
end