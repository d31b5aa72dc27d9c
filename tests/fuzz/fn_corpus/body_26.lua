function(a, b) local x, y = a / 2, b for i = 1, 4 do for j = 1, 4 do if i * j == a then return i, j end if j > i then break end 
end