function(a, b) local x, y = a / 2, b if a < b then return x end
end