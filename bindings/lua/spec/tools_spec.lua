-- Host tools: Lua functions that a run calls, on the Lua thread.
local aikit = require("aikit")
local support = require("support")
local raised = support.raised

describe("a Lua tool", function()
  local kernel
  before_each(function() kernel = aikit.open() end)
  after_each(function() kernel:close() end)

  -- Registers `run` as "probe", has the model call it, gives its tool_finished event and the run.
  local function probe(run, arguments)
    kernel:tool({ name = "probe", description = "probes", run = run })
    local started = support.agent(kernel, support.calling("probe", arguments), { "probe" }):start("go")
    local _, by_type = support.events(started)
    assert.equal("finished", started:result().status)
    return by_type.tool_finished, started:result()
  end

  it("gets its arguments and answers the model", function()
    kernel:tool({
      name = "leave_balance",
      description = "Days of leave that an employee has left",
      parameters = {
        type = "object",
        properties = { employee = { type = "string" } },
        required = { "employee" },
      },
      run = function(args) return { employee = args.employee, days = 12 } end,
    })
    local turns = support.calling("leave_balance", { employee = "Ann" },
      "{{tool.leave_balance.employee}} has {{tool.leave_balance.days}}")
    assert.equal("Ann has 12", support.agent(kernel, turns, { "leave_balance" }):run("x").text)
    assert.same({ employee = "Bo", days = 12 }, kernel:call_tool("leave_balance", { employee = "Bo" }))
    assert.equal("tool_invalid_arguments",
      raised(kernel.call_tool, kernel, "leave_balance", { employee = 5 }).code)
  end)

  it("runs on the thread of its caller", function()
    local caller, seen = coroutine.running(), nil
    probe(function() seen = debug.traceback() return 1 end)
    assert.is_string(seen)
    assert.equal(caller, coroutine.running())
  end)

  it("fails with its message, and its traceback as the cause", function()
    local finished = probe(function() error("no database") end)
    assert.equal("tool_failed", finished.error.code)
    assert.matches("no database$", finished.error.message)
    assert.matches("stack traceback", finished.error.cause)
    assert.matches("tools_spec%.lua", finished.error.cause)
    local err = raised(kernel.call_tool, kernel, "probe")
    assert.equal("tool_failed", err.code)
    assert.matches("stack traceback", err.cause)
  end)

  it("fails with any error value", function()
    local values = {
      { "plain", "plain" },
      { setmetatable({}, { __tostring = function() return "by tostring" end }), "by tostring" },
      { { message = "by field" }, "by field" },
    }
    for i, case in ipairs(values) do
      kernel:tool({ name = "t" .. i, description = "x", run = function() error(case[1], 0) end })
      assert.equal(case[2], raised(kernel.call_tool, kernel, "t" .. i).message)
    end
    for i, value in ipairs({ 42, false, "\255\0", {} }) do
      kernel:tool({ name = "v" .. i, description = "x", run = function() error(value, 0) end })
      assert.equal("tool_failed", raised(kernel.call_tool, kernel, "v" .. i).code)
    end
    kernel:tool({ name = "none", description = "x", run = function() error() end })
    assert.equal("tool_failed", raised(kernel.call_tool, kernel, "none").code)
  end)

  it("survives an error whose __tostring fails", function()
    kernel:tool({
      name = "evil", description = "x",
      run = function() error(setmetatable({}, { __tostring = function() error("again") end })) end,
    })
    assert.equal("tool_failed", raised(kernel.call_tool, kernel, "evil").code)
  end)

  it("fails by returning nil and a message", function()
    local finished = probe(function() return io.open("/no/such/file") end)
    assert.matches("/no/such/file", finished.error.message)
  end)

  it("fails clearly when it yields", function()
    local finished = probe(function() coroutine.yield("later") end)
    assert.matches("yielded", finished.error.message)
  end)

  it("fails when it returns what JSON cannot hold", function()
    for name, value in pairs({ bytes = "\255\254", func = { print }, number = 0 / 0 }) do
      kernel:tool({ name = name, description = "x", run = function() return value end })
      assert.equal("tool_failed", raised(kernel.call_tool, kernel, name).code, name)
    end
    local loop = {}
    loop.loop = loop
    kernel:tool({ name = "loop", description = "x", run = function() return loop end })
    assert.matches("contains itself", raised(kernel.call_tool, kernel, "loop").message)
  end)

  it("may return nothing, and text with zeros", function()
    assert.equal(aikit.null, probe(function() end).result)
    kernel:tool({ name = "zeros", description = "x", run = function() return "a\0b" end })
    assert.equal("a\0b", kernel:call_tool("zeros"))
  end)

  it("may use aikit itself", function()
    local inner = support.agent(kernel, { { text = "inner answer" } })
    local finished = probe(function()
      return { kernel:call_tool("calculator", { expression = "6*7" }), inner:run("x").text }
    end)
    assert.equal("inner answer", finished.result[2])
  end)

  it("may cancel its run", function()
    local run
    kernel:tool({ name = "stop", description = "x", run = function() run:cancel() return 1 end })
    run = support.agent(kernel, support.calling("stop"), { "stop" }):start("x")
    assert.equal("cancelled", run:result().status)
  end)

  it("may not wait for its own run", function()
    local run, seen
    kernel:tool({ name = "wait", description = "x", run = function()
      seen = { raised(run.result, run).code, raised(run.step, run).code, raised(run.events(run)).code }
      return 1
    end })
    run = support.agent(kernel, support.calling("wait"), { "wait" }):start("x")
    assert.equal("finished", run:result().status)
    assert.same({ "invalid_argument", "invalid_argument", "invalid_argument" }, seen)
  end)

  it("may close its kernel", function()
    local took = support.fastest(3, function()
      local other = aikit.open()
      other:tool({ name = "close", description = "x", run = function() other:close() return 1 end })
      local run = support.agent(other, support.calling("close"), { "close" }):start("x")
      local started = support.now()
      pcall(run.result, run)
      return support.now() - started
    end)
    assert.is_true(took < 3, took .. " s")
  end)

  it("times out in its run when it takes too long", function()
    local seconds
    kernel:tool({
      name = "slow", description = "x", timeout_ms = 50,
      run = function() require("system").sleep(seconds) return 1 end,
    })
    local agent = support.agent(kernel, support.calling("slow"), { "slow" })
    local finished
    -- When the time is found to be over is up to the machine: a slow one gets longer.
    for _, pause in ipairs({ 0.2, 2, 20 }) do
      seconds = pause
      local run = agent:start("x")
      local _, by_type = support.events(run)
      assert.equal("finished", run:result().status)
      finished = by_type.tool_finished
      if finished.error then break end
    end
    assert.equal("tool_timeout", finished.error and finished.error.code)
  end)

  it("is called while stepping", function()
    kernel:tool({ name = "noop", description = "x", run = function() return "stepped" end })
    local run = support.agent(kernel, support.calling("noop", {}, "{{tool.noop}}"), { "noop" }):start("x")
    local state
    repeat _, state = run:step() until state == "ended"
    assert.equal("stepped", run:result().text)
  end)

  it("is called in every run of many", function()
    local calls = 0
    kernel:tool({ name = "count", description = "x", run = function() calls = calls + 1 return calls end })
    local agent = support.agent(kernel, support.calling("count"), { "count" })
    local runs = {}
    for i = 1, 10 do runs[i] = agent:start("x") end
    for i = 1, 10 do runs[i]:result() end
    assert.equal(10, calls)
  end)
end)
