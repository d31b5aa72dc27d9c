function(a, b) local x, y = a / 2, b local n = 0 repeat local k = n n = n + 2 until k > 5 return n + a
end