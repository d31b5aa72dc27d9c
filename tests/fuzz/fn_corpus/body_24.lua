function(a, b) local x, y = a / 2, b return lerp(x, {0, 1, 2, 2, 5}, {10, 20, -3, 7, 1})
end