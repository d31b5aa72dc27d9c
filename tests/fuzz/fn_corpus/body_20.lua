function(a, b) local x, y = a / 2, b local v = a < b and a or x local w = a < 0 and b or y return v + w, v < w, v <= w, v == w, v 
end