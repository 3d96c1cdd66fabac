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
      parse_base = function() aikit.parse_spec("agent: a", { base = bad }) end,
      load_spec = function() aikit.load_spec(bad) end,
      diagnose = function() aikit.diagnose(bad) end,
      edit_text = function() aikit.edit_spec(bad, "/model", "x") end,
      edit_pointer = function() aikit.edit_spec("agent: a", bad, "x") end,
      edit_value = function() aikit.edit_spec("agent: a", "/model", bad) end,
      import_spec = function() aikit.import_spec(bad) end,
      render = function() support.spec({ { text = "x" } }):render(bad) end,
      specs_get = function() kernel.specs:get(bad) end,
      specs_load = function() kernel.specs:load(bad) end,
      specs_history = function() kernel.specs:history(bad) end,
      specs_diff = function() kernel.specs:diff("a@1.0.0", bad) end,
      specs_promote = function() kernel.specs:promote("a@1.0.0", { why = bad }) end,
      specs_list = function() kernel.specs:list({ text = bad }) end,
      specs_import = function() kernel.specs:import({ format = bad }) end,
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
      parse_options = function() aikit.parse_spec("agent: a", "folder") end,
      parse_base = function() aikit.parse_spec("agent: a", { base = 1 }) end,
      load_spec = function() aikit.load_spec({}) end,
      diagnose = function() aikit.diagnose() end,
      diagnose_format = function() aikit.diagnose("a: 1", { format = "xml" }) end,
      edit_text = function() aikit.edit_spec({}, "/model", "x") end,
      edit_pointer = function() aikit.edit_spec("agent: a", 1, "x") end,
      edit_nothing = function() aikit.edit_spec("agent: a\nmodel: m/x", "/model") end,
      edit_value = function() aikit.edit_spec("agent: a\nmodel: m/x", "/model", print) end,
      import_spec = function() aikit.import_spec(nil) end,
      import_from = function() aikit.import_spec("a: 1", { from = "nobody" }) end,
      render = function() support.spec({ { text = "x" } }):render() end,
      render_format = function() support.spec({ { text = "x" } }):render("xml") end,
      diff = function() support.spec({ { text = "x" } }):diff("text") end,
      kernel_check = function() kernel:check("text") end,
      policy = function() aikit.open({ policy = { quotas = 1 } }) end,
      default_model = function() aikit.open({ default_model = "no slash" }) end,
      actor = function() aikit.open({ actor = 1 }) end,
      inputs = function() agent:run("hi", { inputs = "x" }) end,
      specs_save = function() kernel.specs:save("agent: a") end,
      specs_get = function() kernel.specs:get(1) end,
      specs_load = function() kernel.specs:load() end,
      specs_list = function() kernel.specs:list("draft") end,
      specs_status = function() kernel.specs:list({ status = "live" }) end,
      specs_limit = function() kernel.specs:list({ limit = 0 }) end,
      specs_history = function() kernel.specs:history({}) end,
      specs_diff = function() kernel.specs:diff("a@1.0.0") end,
      specs_promote = function() kernel.specs:promote("a") end,
      specs_deprecate = function() kernel.specs:deprecate(nil) end,
      specs_retire = function() kernel.specs:retire("a@1.0.0", "why") end,
      specs_delete = function() kernel.specs:delete(true) end,
      specs_export = function() kernel.specs:export("a") end,
      specs_import = function() kernel.specs:import("{}") end,
      specs_bundle = function() kernel.specs:import({}) end,
      specs_no_self = function() kernel.specs.list() end,
      specs_dot = function() kernel.specs.save(support.spec({ { text = "x" } })) end,
      specs_wrong_self = function() kernel.specs.list(kernel) end,
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
      function() aikit.parse_spec("agent: a", { folder = "." }) end,
      function() aikit.diagnose("agent: a", { fromat = "text" }) end,
      function() aikit.import_spec("agent: a", { form = "adl" }) end,
      function() aikit.open({ policy = { allowed = aikit.array() } }) end,
      function() kernel.specs:save(support.spec({ { text = "x" } }), { bye = "me" }) end,
      function() kernel.specs:list({ state = "draft" }) end,
      function() kernel.specs:promote("a@1.0.0", { replaces = "x" }) end,
      function() kernel.specs:deprecate("a@1.0.0", { until_ = "x" }) end,
      function() kernel.specs:retire("a@1.0.0", { sunset = "x" }) end,
      function() kernel.specs:delete("a@1.0.0", { force = true }) end,
      function() kernel.specs:export({ agent = "a" }) end,
      function() kernel.specs:import(kernel.specs:export(), { conflict = "skip" }) end,
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
    local spec, specs = support.spec({ { text = "hi" } }), closed.specs
    local bundle = specs:export()
    closed:close()
    closed:close()
    for name, call in pairs({
      check = function() closed:check(spec) end,
      save = function() specs:save(spec) end,
      get = function() specs:get("a") end,
      load = function() specs:load("a") end,
      list = function() specs:list() end,
      history = function() specs:history("a") end,
      diff = function() specs:diff("a@1.0.0", "a@2.0.0") end,
      promote = function() specs:promote("a@1.0.0") end,
      deprecate = function() specs:deprecate("a@1.0.0") end,
      retire = function() specs:retire("a@1.0.0") end,
      delete = function() specs:delete("a@1.0.0") end,
      export = function() specs:export() end,
      import = function() specs:import(bundle) end,
      agent = function() closed:agent("a") end,
    }) do
      assert.equal("closed", raised(call).code, name)
    end
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
