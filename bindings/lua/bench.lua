-- Prints what the module costs, as one line of JSON:
--
--   LUA_CPATH="target/lua/5.4/?.so;;" lua5.4 bindings/lua/bench.lua
--
-- Times are CPU time of the process, which for a call on one thread is the time it takes.
local function resident_kib()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmRSS:%s+(%d+)")
    if kib then return tonumber(kib) end
  end
end

local function nanoseconds(calls, func)
  for _ = 1, calls / 10 do func() end
  local before = os.clock()
  for _ = 1, calls do func() end
  return (os.clock() - before) / calls * 1e9
end

collectgarbage()
local resident, before = resident_kib(), os.clock()
local aikit = require("aikit")
local require_ms = (os.clock() - before) * 1e3
local required_kib = resident_kib() - resident

local kernel = aikit.open()
local text = [[
identity: {agent_id: bench}
intelligence: {model: scripted/bench, script: [{text: hello}]}
]]
local spec = aikit.parse_spec(text)
local agent = kernel:agent(spec)
agent:run("x")
local opened_kib = resident_kib() - resident
local event = aikit.json_encode({ type = "text_delta", run_id = "run", seq = 1, text = "word " })

local chunks = 10000
local stream = kernel:agent(aikit.parse_spec(aikit.json_encode({
  identity = { agent_id = "stream" },
  intelligence = { model = "scripted/stream", script = { { text = ("word "):rep(chunks) } } },
})))
before = os.clock()
local seen = 0
for e in stream:start("x"):events() do
  if e.type == "text_delta" then seen = seen + 1 end
end
local per_1000_chunks_ms = (os.clock() - before) / seen * 1e6

print(aikit.json_encode({
  lua = rawget(_G, "jit") and jit.version or _VERSION,
  version = aikit.version,
  require_ms = require_ms,
  require_kib = required_kib,
  first_run_kib = opened_kib,
  call_ns = nanoseconds(200000, function() return kernel.tenant end),
  method_ns = nanoseconds(100000, function() return kernel:collection("docs") end),
  event_ns = nanoseconds(100000, function() return aikit.json_decode(event) end),
  parse_spec_us = nanoseconds(5000, function() return aikit.parse_spec(text) end) / 1e3,
  run_us = nanoseconds(1000, function() return agent:run("x") end) / 1e3,
  chunks_1000_ms = per_1000_chunks_ms,
}))
kernel:close()
