-- Runs: to the end, watched, cancelled, stepped from an event loop, many at once.
local aikit = require("aikit")
local support = require("support")
local raised = support.raised

describe("a run", function()
  local kernel
  before_each(function() kernel = aikit.open() end)
  after_each(function() kernel:close() end)

  it("gives a plain result", function()
    local result = support.agent(kernel, { { text = "You said {{input}}" } }):run("hello")
    assert.equal("finished", result.status)
    assert.equal("You said hello", result.text)
    assert.equal(1, result.turns)
    assert.equal("stop", result.finish_reason)
    assert.equal("scripted/test", result.model)
    assert.equal(result.usage.input_tokens + result.usage.output_tokens, result.usage.total_tokens)
    assert.same({}, result.citations)
  end)

  it("streams its events in order, with one end", function()
    local run = support.agent(kernel, { { text = "one two three" } }):start("go")
    local events, by_type = support.events(run)
    local text = ""
    for position, event in ipairs(events) do
      assert.equal(position - 1, event.seq)
      if event.type == "text_delta" then text = text .. event.text end
    end
    assert.equal("one two three", text)
    assert.equal("run_started", events[1].type)
    assert.equal("run_finished", events[#events].type)
    assert.same(by_type.run_finished.result, run:result())
    assert.same(run:result(), run:result())
    assert.is_nil((run:events()()))
  end)

  it("gives its result without its events being read", function()
    local run = support.agent(kernel, support.slow(2000, 0)):start("go")
    assert.equal("finished", run:result().status)
  end)

  it("is held back, not lost, while nobody reads", function()
    local run = support.agent(kernel, support.slow(3000, 0)):start("go")
    require("system").sleep(0.2)
    local deltas = 0
    for event in run:events() do
      if event.type == "text_delta" then deltas = deltas + 1 end
    end
    assert.equal(3000, deltas)
  end)

  it("stops when it is cancelled and keeps what it had", function()
    local agent = support.agent(kernel, support.slow(1000, 20))
    local took = support.fastest(0.5, function()
      local run = agent:start("go")
      local started
      for event in run:events() do
        if event.type == "text_delta" and not started then
          started = support.now()
          run:cancel()
          run:cancel()
        end
      end
      local seconds = support.now() - started
      local result = run:result()
      assert.equal("cancelled", result.status)
      assert.matches("^word", result.text)
      return seconds
    end)
    assert.is_true(took < 0.5, took .. " s")
  end)

  it("obeys its options", function()
    kernel:tool({ name = "noop", description = "nothing", run = function() return true end })
    local turn = { tool_calls = { { name = "noop", arguments = {} } } }
    local agent = support.agent(kernel, { turn, turn, turn }, { "noop" })
    assert.equal("turn_limit", raised(agent.run, agent, "go", { max_turns = 2 }).code)
    assert.equal("named", support.agent(kernel, { { text = "x" } }):run("go", { run_id = "named" }).run_id)
    local slow = support.agent(kernel, support.slow(1000, 20))
    assert.equal("timeout", raised(slow.run, slow, "go", { timeout_ms = 100 }).code)
  end)

  it("can be read again from the store", function()
    local run = support.agent(kernel, { { text = "hi" } }):start("go")
    local events = support.events(run)
    local kept = kernel:run_events(run:result().run_id)
    assert.equal(events[#events].type, kept[#kept].type)
    assert.equal(events[1].input, kept[1].input)
  end)

  it("steps without waiting, behind a descriptor", function()
    local run = support.agent(kernel, support.slow(5, 20)):start("go")
    assert.is_true(run:fd() >= 0)
    assert.equal(run:fd(), run:fd())
    local events = {}
    while true do
      local event, state = run:step()
      if event then
        assert.equal("running", state)
        events[#events + 1] = event
      elseif state == "ended" then
        break
      else
        require("system").sleep(0.002)
      end
    end
    assert.equal("run_finished", events[#events].type)
    assert.same({ nil, "ended" }, { run:step() })
    assert.equal("finished", run:result().status)
  end)

  it("says that there is nothing yet instead of waiting for it", function()
    local run = support.agent(kernel, support.slow(1, 30000)):start("go")
    local last, event, state
    repeat
      last = event or last
      event, state = run:step()
    until state == "ended" or not event and last and last.type == "model_started"
    -- A step that waits would have come back with the one word, and then with the end.
    assert.equal("running", state)
    run:cancel()
    assert.equal("cancelled", run:result().status)
  end)

  it("gives its failure after stepping to the end", function()
    local run = support.agent(kernel, { { error = { code = "model_refused", message = "no" } } }):start("x")
    local state
    repeat _, state = run:step() until state == "ended"
    assert.equal("model_refused", raised(run.result, run).code)
  end)

  it("runs beside others", function()
    local agent = support.agent(kernel, { { text = "for {{input}}", delay_ms = 5 } })
    local runs = {}
    for i = 1, 20 do runs[i] = agent:start("n" .. i) end
    for i = 20, 1, -1 do assert.equal("for n" .. i, runs[i]:result().text) end
  end)

  it("can be waited for inside a coroutine", function()
    local agent = support.agent(kernel, { { text = "a b c", delay_ms = 1 } })
    local reader = coroutine.wrap(function()
      for event in agent:start("x"):events() do coroutine.yield(event.type) end
    end)
    assert.equal("run_started", reader())
    local last
    for kind in reader do last = kind end
    assert.equal("run_finished", last)
  end)

  it("is cancelled by closing its kernel", function()
    local other = aikit.open()
    local run = support.agent(other, support.slow(1000, 20)):start("go")
    other:close()
    local ok, result = pcall(run.result, run)
    assert.is_true(ok and result.status == "cancelled" or not ok and result.code == "closed")
  end)
end)

describe("knowledge", function()
  it("is ingested, listed, searched and cited", function()
    local kernel = aikit.open()
    local path = support.file("# Holidays\n\nEvery employee has 25 days of paid leave a year.\n")
    os.rename(path, path .. ".md")
    local collection = kernel:collection("handbook")
    assert.equal("handbook", collection.name)
    local report = collection:ingest(path .. ".md")
    assert.equal(1, report.added)
    assert.equal(1, collection:ingest(path .. ".md").unchanged)
    assert.equal(1, #collection:documents())
    local passages = collection:search("paid leave", { top_k = 1 })
    assert.equal(1, #passages)
    assert.matches("25 days", passages[1].text)
    local agent = kernel:agent(support.spec({ { text = "25 days [1]" } }, nil, "handbook"))
    local result = agent:run("How many days of paid leave?")
    assert.equal(1, #result.citations)
    assert.equal(passages[1].source, result.citations[1].source)
    assert.equal("file_not_found", raised(collection.ingest, collection, "/no/such/folder").code)
    os.remove(path .. ".md")
    kernel:close()
  end)
end)
