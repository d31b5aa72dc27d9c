-- expect: blocked-error; results; the sixty-fourth pixel alone is no number
local n = 0
return function() n = n + 1 return n < 64 and n or {} end
