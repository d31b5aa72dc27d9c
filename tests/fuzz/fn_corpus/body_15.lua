function(a, b) local x, y = a / 2, b local c <const> = 5 return c * a
end