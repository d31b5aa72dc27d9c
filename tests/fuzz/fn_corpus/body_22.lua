function(a, b) local x, y = a / 2, b return true, false
end