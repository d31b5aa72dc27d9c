function(a, b) local x, y = a / 2, b return math.pi * x, math.huge, math.maxinteger, math.mininteger
end