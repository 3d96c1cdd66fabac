-- Memory: what is dropped is freed, also in cycles and while runs are under way.
local aikit = require("aikit")
local support = require("support")

local function collect()
  for _ = 1, 3 do collectgarbage() end
end

-- Resident memory of this process, in KiB.
local function resident()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmRSS:%s+(%d+)")
    if kib then return tonumber(kib) end
  end
end

describe("memory", function()
  it("frees a kernel whose tool refers to it", function()
    local weak = setmetatable({}, { __mode = "v" })
    do
      local kernel = aikit.open()
      local marker = {}
      kernel:tool({ name = "self", description = "x", run = function() return kernel, marker end })
      local agent = support.agent(kernel, support.calling("self"), { "self" })
      weak.kernel, weak.marker, weak.agent = kernel, marker, agent
    end
    collect()
    assert.is_nil(weak.kernel)
    assert.is_nil(weak.agent)
    assert.is_nil(weak.marker)
  end)

  it("keeps what a run needs", function()
    local run
    do
      local kernel = aikit.open()
      kernel:tool({ name = "late", description = "x", run = function() return "still here" end })
      run = support.agent(kernel, support.calling("late", {}, "{{tool.late}}"), { "late" }):start("x")
    end
    collect()
    assert.equal("still here", run:result().text)
  end)

  it("cancels runs that are dropped", function()
    local kernel = aikit.open()
    local agent = support.agent(kernel, support.slow(10000, 10))
    for i = 1, 50 do
      local run = agent:start("x", { run_id = "dropped-" .. i })
      run:step()
    end
    collect()
    local before, ended = support.now(), 0
    repeat
      ended = 0
      for i = 1, 50 do
        local ok, events = pcall(kernel.run_events, kernel, "dropped-" .. i)
        if ok and events[#events].type == "run_cancelled" then ended = ended + 1 end
      end
    until ended == 50 or support.now() - before > support.patience
    assert.equal(50, ended)
    kernel:close()
  end)

  it("opens and closes many kernels", function()
    local function round()
      local kernel = aikit.open()
      support.agent(kernel, { { text = "hi" } }):run("x")
      kernel:close()
    end
    for _ = 1, 20 do round() end
    collect()
    local before = resident()
    for _ = 1, 100 do round() end
    collect()
    assert.is_true(resident() - before < 20 * 1024, "grew by " .. resident() - before .. " KiB")
  end)

  it("keeps many kernels open at once", function()
    local kernels = {}
    for i = 1, 30 do kernels[i] = aikit.open({ tenant = "t" .. i }) end
    for i = 1, 30 do
      assert.equal("t" .. i, kernels[i].tenant)
      assert.equal("hi", support.agent(kernels[i], { { text = "hi" } }):run("x").text)
    end
    for i = 1, 30, 2 do kernels[i]:close() end
    kernels = nil
    collect()
  end)

  it("closes at the end of a scope", function()
    if _VERSION ~= "Lua 5.4" then return end
    local load = load
    local kernel, run = load([[
      local aikit, support = ...
      local kernel <close> = aikit.open()
      local run <close> = support.agent(kernel, support.slow(1000, 20)):start("x")
      return kernel, run
    ]])(aikit, support)
    assert.equal("closed", support.raised(kernel.run_events, kernel, "x").code)
    local ok, result = pcall(run.result, run)
    assert.is_true(ok and result.status == "cancelled" or not ok and result.code == "closed")
  end)
end)
