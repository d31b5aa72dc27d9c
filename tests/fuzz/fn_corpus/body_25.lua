function(a, b) local x, y = a / 2, b return table.unpack({a, x, b})
end