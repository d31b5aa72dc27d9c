function(a, b) local x, y = a / 2, b local z = 0 return x - z, x - 0.0, x - (z), y - a, 0 - x
end