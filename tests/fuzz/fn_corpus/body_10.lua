function(a, b) local x, y = a / 2, b local t if a < b then t = {x} end return t[1]
end