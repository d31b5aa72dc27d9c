-- expect: killed-time; cpu; each pcall holds a pattern that never ends: no hook runs inside
while true do pcall(string.find, ("a"):rep(60), ("a?"):rep(60) .. ("a"):rep(60) .. "b") end
