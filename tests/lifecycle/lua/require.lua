-- The module is loaded more than once.
local support = dofile(os.getenv("AIKIT_ROOT") .. "/tests/lifecycle/lua/_support.lua")
local report = support.report

local first = require("aikit")
report("require gives the same module again", require("aikit") ~= first and "another table" or nil)

package.loaded.aikit = nil
local second = require("aikit")
report("so it does after package.loaded was cleared", second ~= first and "another table" or nil)

local kernel = second.open()
report("objects of both are the same", first.open().close ~= kernel.close and "other methods" or nil)
kernel:close()

local threads = 0
for line in io.lines("/proc/self/status") do
  threads = tonumber(line:match("^Threads:%s+(%d+)")) or threads
end
report("a kernel has threads", threads < 2 and "none was started" or nil)

support.ends("loading and parsing starts no thread", 0, [[
  aikit.parse_spec("identity: {agent_id: a}\nintelligence: {model: scripted/a, script: [{text: a}]}")
  for line in io.lines("/proc/self/status") do
    local threads = tonumber(line:match("^Threads:%s+(%d+)"))
    if threads and threads > 1 then os.exit(1) end
  end
]], true)
