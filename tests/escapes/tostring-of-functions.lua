-- expect: harmless; info-leak; no text of a value holds an address
local function check(s) assert(not s:find("0x") and not s:find("%x%x%x%x%x%x"), s) end
check(tostring(print))
check(tostring({}))
check(tostring(setmetatable({}, { __name = "N" })))
check(("%s"):format(check))
check(("%-20s|"):format({}))
check(select(2, pcall(error, tostring(string.rep))))
return 1
