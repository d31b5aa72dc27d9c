function(a, b) local x, y = a / 2, b return a + b, a - b, a * b, -a, x + y, x - y, x * y, -x
end