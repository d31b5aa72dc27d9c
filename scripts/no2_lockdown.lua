-- Nitrogen dioxide before and in the lockdown of spring 2020: by how many per cent a month differs
-- from the same month of the years before.
--   tellua run scripts/no2_lockdown.lua -p now=monthly.nc -p before=ymonmean.nc [-p month=4]
-- NOW has one band a month from January on, BEFORE the means of twelve months; both are molecules
-- per cm2 (OMI on Aura, level 3, whose monthly files say 10^15 of them and mean single ones).
local now = param("now", "", { label = "months of the year" })
local before = param("before", "", { label = "mean months of the years before" })
local month = param("month", 4, { min = 1, max = 12, label = "month" })

local was, is = Image(before)[month], Image(now)[month]
local change = ((is - was) / was * 100):rename("percent")

output("no2_change", change, { ramp = "coolwarm", min = -40, max = 40 })
output("no2", (is .. was):rename("now", "before") / 1e15, { ramp = "ylorrd", min = 2, max = 6 })
