function(a, b) local x, y = a / 2, b if x < y then return a + nil end return 3
end