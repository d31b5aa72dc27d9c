function(a, b) local x, y = a / 2, b return a --[[ a comment ]] + --[==[ ]] ]==] b -- the end
end