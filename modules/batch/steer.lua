-- cancel, hold, release, suspend, resume, retry. SPDX-License-Identifier: MIT
local sys, batch = ...

local function act(verb, want)
  return function(a)
    local job = batch.open(a.job)
    job:want(want)
    local done = job:engine_of().act(job, verb)
    if not done then
      if verb == "cancel" then
        local s = job:state()
        if s.state ~= "done" and s.state ~= "failed" then
          s.state, s.reason, s.exit, s.ended, s.running = "cancelled", "cancelled by the user", 130, sys.now(), {}
          job:set_state(s)
        end
      elseif verb == "release" then
        return batch.commands.retry(a)
      else
        batch.fail("usage", a.job .. " does not run")
      end
    end
    return 0
  end
end

batch.commands.cancel = act("cancel", "cancel")
batch.commands.hold = act("hold", "hold")
batch.commands.release = act("release", "run")
batch.commands.suspend = act("suspend", "suspend")
batch.commands.resume = act("resume", "run")

-- Goes on with what is unfinished or failed; nothing to do on a job that works or is done.
function batch.commands.retry(a)
  local job = batch.open(a.job)
  local s = batch.look(job)
  if s.state == "done" or ((s.state == "running" or s.state == "waiting") and s.held == 0) then return 0 end
  job:want "run"
  job:engine_of().start(job)
  if a.wait then return batch.commands.wait(a) end
  return 0
end
