-- expect: blocked-error; coroutine; yield out of a comparator written in C's frame
local co = coroutine.wrap(function() table.sort({ 3, 2, 1 }, function(a, b) coroutine.yield() return a < b end) end)
co()
