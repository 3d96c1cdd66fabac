-- Errors: what each mistake of a user's raises, with code, place and hint.
local aikit = require("aikit")
local support = require("support")
local raised = support.raised

describe("errors", function()
  local kernel
  before_each(function() kernel = aikit.open() end)
  after_each(function() kernel:close() end)

  it("show code, message, hint and the caller's line", function()
    local err = raised(function() aikit.load_spec("no/such/spec.yaml") end)
    assert.equal("file_not_found", err.code)
    assert.equal("no/such/spec.yaml", err.path)
    assert.is_false(err.retryable)
    assert.is_string(err.hint)
    assert.matches("errors_spec%.lua:%d+$", err.where)
    assert.matches("errors_spec%.lua:%d+: %[file_not_found%] ", tostring(err))
  end)

  it("point at line and column of a broken spec, and list all findings", function()
    local err = raised(aikit.parse_spec, table.concat({
      "identity: {agent_id: demo}",
      "intelligence:",
      "  modell: scripted/demo",
      "  temperature: warm",
    }, "\n"))
    assert.equal("spec_invalid", err.code)
    assert.is_number(err.line)
    assert.is_number(err.column)
    local unknown
    for _, finding in ipairs(err.diagnostics) do
      if finding.code == "AK1002" then unknown = finding end
    end
    assert.same({ 3, 3, "error" }, { unknown.line, unknown.column, unknown.severity })
    assert.matches("model", unknown.hint or unknown.message)
    assert.is_true(#err.diagnostics >= 2)
  end)

  it("tell YAML that is none", function()
    local err = raised(aikit.parse_spec, "identity: [unclosed")
    assert.equal("spec_invalid", err.code)
    assert.equal("AK1001", err.diagnostics[1].code)
    assert.equal("spec_invalid", raised(aikit.parse_spec, "").code)
  end)

  it("tell folders and binary files from specs", function()
    assert.equal("file_unreadable", raised(aikit.load_spec, "/tmp").code)
    local binary = support.file("\0\1\2\255")
    assert.equal("file_unreadable", raised(aikit.load_spec, binary).code)
    assert.equal("file_unreadable", raised(kernel.agent, kernel, binary).code)
    os.remove(binary)
  end)

  it("tell text that is not UTF-8, wherever text goes in", function()
    local bad = "caf\233"
    local agent = support.agent(kernel, { { text = "hi" } })
    local collection = kernel:collection("docs")
    for name, call in pairs({
      parse_spec = function() aikit.parse_spec(bad) end,
      load_spec = function() aikit.load_spec(bad) end,
      agent = function() kernel:agent(bad) end,
      run = function() agent:run(bad) end,
      start = function() agent:start(bad) end,
      option = function() aikit.open({ location = bad }) end,
      search = function() collection:search(bad) end,
      ingest = function() collection:ingest(bad) end,
      collection = function() kernel:collection(bad) end,
      call_tool = function() kernel:call_tool(bad) end,
      argument = function() kernel:call_tool("calculator", { expression = bad }) end,
      run_events = function() kernel:run_events(bad) end,
    }) do
      assert.equal("invalid_utf8", raised(call).code, name)
    end
  end)

  it("refuse arguments of the wrong type, and never coerce", function()
    local agent = support.agent(kernel, { { text = "hi" } })
    local run = agent:start("hi")
    for name, call in pairs({
      open = function() aikit.open("path") end,
      parse_spec = function() aikit.parse_spec(nil) end,
      load_spec = function() aikit.load_spec({}) end,
      json_decode = function() aikit.json_decode(7) end,
      array = function() aikit.array("x") end,
      input = function() agent:run(42) end,
      options = function() agent:run("hi", "fast") end,
      reference = function() kernel:agent(42) end,
      other_class = function() kernel:agent(run) end,
      collection = function() kernel:collection() end,
      arguments = function() kernel:call_tool("calculator", "1+1") end,
      tool = function() kernel:tool("echo") end,
      tool_run = function() kernel:tool({ name = "x", description = "x" }) end,
      tool_name = function() kernel:tool({ description = "x", run = print }) end,
      no_self = function() kernel.close() end,
      wrong_self = function() kernel.close(agent) end,
      plain_self = function() run.step({}) end,
      events_self = function() run.events(nil) end,
      check_self = function() support.spec({ { text = "x" } }).check(kernel) end,
    }) do
      assert.equal("invalid_argument", raised(call).code, name)
    end
    run:cancel()
  end)

  it("refuse unknown options", function()
    local agent = support.agent(kernel, { { text = "hi" } })
    for _, call in ipairs({
      function() aikit.open({ locaton = "x" }) end,
      function() agent:run("hi", { max_turn = 1 }) end,
      function() kernel:agent(support.spec({ { text = "x" } }), { modell = "x" }) end,
      function() kernel:collection("docs"):search("x", { topk = 1 }) end,
      function() kernel:tool({ name = "x", description = "x", parameter = {}, run = print }) end,
    }) do
      local err = raised(call)
      assert.equal("invalid_argument", err.code)
      assert.matches("unknown field", err.message)
    end
  end)

  it("tell names that mean nothing", function()
    assert.equal("tool_unknown", raised(kernel.call_tool, kernel, "nope").code)
    assert.equal("tenant_invalid", raised(aikit.open, { tenant = "Not A Slug" }).code)
    assert.equal("collection_invalid", raised(kernel.collection, kernel, "Not A Slug").code)
    assert.equal("store_unavailable", raised(aikit.open, { location = "/no/such/folder/a.db" }).code)
    local err = raised(kernel.agent, kernel, support.spec({ { text = "x" } }, { "missing" }))
    assert.equal("tool_unknown", err.code)
    assert.is_number(err.line)
    assert.is_number(err.column)
    kernel:tool({ name = "twice", description = "x", run = print })
    assert.equal("tool_exists",
      raised(kernel.tool, kernel, { name = "twice", description = "x", run = print }).code)
  end)

  it("answer closed after close, which may be repeated", function()
    local closed = aikit.open()
    local agent = support.agent(closed, { { text = "hi" } })
    local collection = closed:collection("docs")
    closed:close()
    closed:close()
    assert.equal("closed", raised(agent.run, agent, "hi").code)
    assert.equal("closed", raised(collection.search, collection, "hi").code)
    assert.equal("closed", raised(closed.call_tool, closed, "calculator", { expression = "1" }).code)
    assert.equal("closed", raised(closed.run_events, closed, "x").code)
  end)

  it("carry a model's failure out of a run", function()
    local agent = support.agent(kernel, { { error = { code = "model_refused", message = "no" } } })
    assert.equal("model_refused", raised(agent.run, agent, "hi").code)
    local run = agent:start("hi")
    local _, by_type = support.events(run)
    assert.equal("model_refused", by_type.run_failed.error.code)
    assert.equal("model_refused", raised(run.result, run).code)
    assert.equal("model_refused", raised(run.result, run).code)
  end)

  it("leave the kernel usable", function()
    raised(kernel.agent, kernel, "no.yaml")
    assert.equal("hi", support.agent(kernel, { { text = "hi" } }):run("x").text)
  end)
end)
