-- expect: harmless; environment; a local _ENV sees what it holds alone
local _ENV = { pairs = pairs }
return 1
