function(a, b) local x, y = a / 2, b local t = {1, 2, 3} if a < b then t[2] = x t[4] = y end return t[2], t[4]
end