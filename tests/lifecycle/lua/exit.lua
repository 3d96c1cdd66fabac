-- A program ends while runs are under way, in each way in which a Lua program can.
local support = dofile(os.getenv("AIKIT_ROOT") .. "/tests/lifecycle/lua/_support.lua")
local ends = support.ends

ends("os.exit in mid-stream", 0, [[ streaming() os.exit(0) ]])
ends("os.exit keeps its status in mid-stream", 7, [[ streaming() os.exit(7) ]])
ends("os.exit that closes the state in mid-stream", 3, [[ local run = streaming() os.exit(3, true) ]])
ends("an error that nobody catches in mid-stream", 1, [[ local run = streaming() error("over") ]])
ends("an error of aikit's that nobody catches", 1, [[ aikit.load_spec("no such file") ]], true)
ends("the end of the program in mid-stream", 0, [[ run = streaming() ]])
ends("the end of the program with a run that nobody read", 0, [[
  run = agent({ { text = ("word "):rep(100000) } }):start("go")
]])
ends("the end of the program with many runs", 0, [[
  runs = {}
  local slow = agent({ { text = ("word "):rep(2000), delay_ms = 10 } })
  for i = 1, 100 do runs[i] = slow:start("go") end
]])
ends("the end of the program with a file open", 0, [[
  kernel = aikit.open({ location = "left-open.db" })
  run = streaming()
]])
ends("os.exit in a tool", 5, [[
  kernel:tool({ name = "leave", description = "x", run = function() os.exit(5, true) end })
  agent({ { tool_calls = { { name = "leave", arguments = {} } } } }, { "leave" }):run("go")
]])
ends("the end of the program after an error in a tool", 0, [[
  kernel:tool({ name = "fail", description = "x", run = function() error("no") end })
  local script = { { tool_calls = { { name = "fail", arguments = {} } } }, { text = "done" } }
  assert(agent(script, { "fail" }):run("go").text == "done")
]])
ends("os.exit while a model of the process answers", 4, support.counting .. "counting() os.exit(4, true)")
ends("the end of the program while a model of the process answers", 0, support.counting .. "run = counting()")
ends("a module that was loaded and never used", 0, [[ package.loaded.aikit = nil ]], true)

local failed
for _ = 1, 20 do
  local status = support.child([[ run = streaming() ]])
  if status ~= 0 then failed = "exit status " .. tostring(status) end
end
support.report("lua_close with a live run, 20 times", failed)
