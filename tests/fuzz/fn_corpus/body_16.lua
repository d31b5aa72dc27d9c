function(a, b) local x, y = a / 2, b return math.max(a, x), math.min(a, x), math.max(a, b, 3), math.min(x, y, 0), math.max(x)
end