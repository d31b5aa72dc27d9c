function(a, b) local x, y = a / 2, b for i = 3, 1.5, -1 do a = a + i end return a
end