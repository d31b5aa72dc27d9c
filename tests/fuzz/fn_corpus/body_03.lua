function(a, b) local x, y = a / 2, b return a < x, a <= x, x < a, x <= a, a == x, x ~= a
end