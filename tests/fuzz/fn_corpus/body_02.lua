function(a, b) local x, y = a / 2, b return a & b, a | b, a ~ b, ~a, a << b, a >> b, a << 3, a >> -2
end