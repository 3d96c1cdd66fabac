-- What the programs share: reporting, children of their own, and a slow run.
local support = { children = 0 }

function support.report(name, seen)
  print(seen == nil and "pass " .. name or "fail " .. name .. ": " .. seen)
end

-- The interpreter that runs this program.
local function interpreter()
  local lowest = 0
  while arg[lowest - 1] do lowest = lowest - 1 end
  return arg[lowest]
end

local prelude = [[
local aikit = require("aikit")
local kernel = KERNEL
local function agent(turns, tools)
  return kernel:agent(aikit.parse_spec(aikit.json_encode({
    identity = { agent_id = "slow" },
    integration = tools and { tools = tools } or nil,
    intelligence = { model = "scripted/slow", script = turns },
  })))
end
local function streaming()
  local run = agent({ { text = ("word "):rep(2000), delay_ms = 10 } }):start("go")
  for event in run:events() do
    if event.type == "text_delta" then return run end
  end
end
]]

-- Programs of models in the process begin with this.
support.counting = [[
local function counting()
  local run = kernel:agent(aikit.parse_spec(aikit.json_encode({
    agent = "local",
    model = "local/SmolLM2-135M-Instruct.Q4_1.gguf",
    intelligence = { temperature = 0, max_tokens = 2000 },
  }))):start("Count from 1 to 1000.")
  for event in run:events() do
    if event.type == "text_delta" then return run end
  end
end
]]

-- Runs Lua code in a process of its own, after the prelude, with an open kernel unless `bare`.
-- Gives exit status, seconds and output.
function support.child(code, bare)
  support.children = support.children + 1
  local path = ("child-%d.lua"):format(support.children)
  local file = assert(io.open(path, "w"))
  file:write((prelude:gsub("KERNEL", bare and "nil" or "aikit.open()")), code)
  file:close()
  local started = os.time()
  -- `timeout` tells a hang (124) from an end, and the shell a signal (above 128).
  local pipe = assert(io.popen(("timeout 60 %s %s 2>&1; echo status $?"):format(interpreter(), path)))
  local output = pipe:read("*a")
  pipe:close()
  return tonumber(output:match("status (%d+)%s*$")), os.time() - started, output
end

-- Reports whether such a child ends with `status`, and before the end of a run that streams, which
-- comes after 20 seconds.
function support.ends(name, status, code, bare)
  local seen, took, output = support.child(code, bare)
  if seen ~= status then
    support.report(name, ("exit status %s, not %d: %s"):format(seen, status, output:gsub("\n", " | ")))
  elseif took > 15 then
    support.report(name, ("it took %d s"):format(took))
  else
    support.report(name)
  end
end

return support
