function(a, b) local x, y = a / 2, b local s = 0.0 for i = 0, 1, 0.25 do s = s + i * x end return s
end