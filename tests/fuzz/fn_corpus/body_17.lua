function(a, b) local x, y = a / 2, b 3)
end