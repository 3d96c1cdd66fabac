-- The spec repository: versions saved, promoted, retired, exported, and agents made from them.
local aikit = require("aikit")
local support = require("support")
local raised = support.raised

-- A spec that answers with its own version; `more` are further lines.
local function spec(version, more)
  return aikit.parse_spec(table.concat({
    "agent: helper", "version: " .. version, "model: scripted/test",
    "script: [{text: 'I am " .. version .. "'}]", more or "", "",
  }, "\n"))
end

describe("the repository", function()
  local kernel, specs
  before_each(function()
    kernel = aikit.open({ actor = "ann" })
    specs = kernel.specs
  end)
  after_each(function() kernel:close() end)

  it("is one object for each kernel", function()
    assert.equal(specs, kernel.specs)
    assert.equal("aikit.Specs", tostring(specs))
    local other = aikit.open()
    assert.are_not.equal(specs, other.specs)
    specs:save(spec("1.0.0"))
    assert.same({}, other.specs:list().specs)
    other:close()
  end)

  it("outlives the kernel object that it came from", function()
    local kept = aikit.open().specs
    collectgarbage()
    collectgarbage()
    kept:save(spec("1.0.0"))
    assert.equal("draft", kept:get("helper@1.0.0").status)
  end)

  it("keeps a draft with all that is known of it", function()
    local saved = spec("1.0.0", "tags: [hr]\ndescription: Helps")
    local record = specs:save(saved, { why = "first" })
    assert.same({ "helper", "1.0.0", "draft", "helper", "scripted/test" },
      { record.agent_id, record.version, record.status, record.name, record.model })
    assert.same({ saved.hash, saved.text, "ann", "Helps" },
      { record.hash, record.text, record.created_by, record.description })
    assert.same({ "hr" }, record.tags)
    assert.same(saved:to_table(), record.document)
    assert.equal(aikit.null, record.sunset)
    assert.equal(aikit.null, record.successor)
    assert.same(record, specs:get("helper@1.0.0"))
    local loaded = specs:load("helper@1.0.0")
    assert.same({ saved.hash, saved.text }, { loaded.hash, loaded.text })
  end)

  it("lets one of two savers win", function()
    local first = specs:save(spec("1.0.0"))
    local err = raised(specs.save, specs, spec("1.0.0", "tags: [x]"))
    assert.equal("spec_conflict", err.code)
    assert.matches("1%.0%.1", err.hint)
    assert.matches("repository_spec%.lua:%d+$", raised(function() specs:save(spec("1.0.0")) end).where)
    local second = specs:save(spec("1.0.0", "tags: [x]"), { replaces = first.hash, by = "bob" })
    assert.same({ "x" }, second.tags)
    err = raised(specs.save, specs, spec("1.0.0"), { replaces = first.hash })
    assert.equal("spec_conflict", err.code)
    assert.equal("bob", specs:history("helper")[2].by)
  end)

  it("leads a version through its life", function()
    specs:save(spec("1.0.0"))
    specs:save(spec("2.0.0"))
    assert.equal("spec_not_found", raised(specs.get, specs, "helper").code)
    assert.equal("active", specs:promote("helper@1.0.0", { why = "tried" }).status)
    assert.equal("1.0.0", specs:get("helper").version)
    local err = raised(specs.save, specs, spec("1.0.0", "tags: [x]"))
    assert.equal("spec_immutable", err.code)
    assert.matches("1%.0%.1", err.hint)
    assert.equal("spec_state", raised(specs.promote, specs, "helper@1.0.0").code)
    assert.equal("spec_state", raised(specs.retire, specs, "helper@1.0.0").code)
    assert.equal("spec_immutable", raised(specs.delete, specs, "helper@1.0.0").code)

    specs:promote("helper@2.0.0")
    assert.equal("helper@2.0.0", specs:get("helper@1.0.0").successor)
    assert.equal("retired", specs:retire("helper@1.0.0").status)
    err = raised(specs.load, specs, "helper@1.0.0")
    assert.equal("spec_retired", err.code)
    assert.matches("helper@2%.0%.0", err.hint)
    local gone = specs:deprecate("helper@2.0.0", { sunset = "2030-01-31", why = "old" })
    assert.same({ "deprecated", "2030-01-31" }, { gone.status, gone.sunset })
    assert.equal("invalid_argument",
      raised(specs.deprecate, specs, "helper@2.0.0", { sunset = "soon" }).code)

    specs:save(spec("3.0.0"))
    assert.is_nil(specs:delete("helper@3.0.0", { why = "no" }))
    assert.equal("spec_not_found", raised(specs.get, specs, "helper@3.0.0").code)
    local changes = {}
    for i, entry in ipairs(specs:history("helper")) do
      assert.equal(i, entry.seq)
      changes[i] = entry.version:sub(1, 1) .. " " .. entry.change
    end
    assert.same({
      "1 saved", "2 saved", "1 promoted", "1 deprecated", "2 promoted", "1 retired", "2 deprecated",
      "3 saved", "3 deleted",
    }, changes)
    assert.equal("tried", specs:history("helper")[3].why)
    assert.equal(aikit.null, specs:history("helper")[1].from)
  end)

  it("says what it does not have", function()
    for name, call in pairs({
      get = function() specs:get("nobody@1.0.0") end,
      load = function() specs:load("nobody") end,
      history = function() specs:history("nobody") end,
      diff = function() specs:diff("nobody@1.0.0", "nobody@2.0.0") end,
      promote = function() specs:promote("nobody@1.0.0") end,
      deprecate = function() specs:deprecate("nobody@1.0.0") end,
      retire = function() specs:retire("nobody@1.0.0") end,
      delete = function() specs:delete("nobody@1.0.0") end,
      agent = function() kernel:agent("nobody") end,
    }) do
      assert.equal("spec_not_found", raised(call).code, name)
    end
  end)

  it("compares versions", function()
    specs:save(spec("1.0.0"))
    specs:save(spec("2.0.0", "tags: [new]"))
    assert.same(spec("1.0.0"):diff(spec("2.0.0", "tags: [new]")),
      specs:diff("helper@1.0.0", "helper@2.0.0"))
  end)

  it("lists page by page, and what is asked for", function()
    for i = 1, 5 do specs:save(spec("1.0." .. i, i == 3 and "tags: [odd one]" or "")) end
    local seen, after = {}, nil
    repeat
      local page = specs:list({ limit = 2, after = after })
      for _, record in ipairs(page.specs) do seen[#seen + 1] = record.version end
      after = page.next
    until after == aikit.null
    table.sort(seen)
    assert.same({ "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5" }, seen)
    assert.equal(5, #specs:list({ after = aikit.null }).specs)
    local found = specs:list({ tag = "odd one", status = "draft", agent_id = "helper", text = "helper" })
    assert.equal(1, #found.specs)
    assert.is_nil(found.specs[1].document)
    assert.is_nil(found.specs[1].text)
    assert.same({}, specs:list({ status = "active" }).specs)
    assert.equal("[]", aikit.json_encode(specs:list({ agent_id = "nobody" }).specs))
  end)

  it("goes into another store as a bundle", function()
    specs:save(spec("1.0.0", "intelligence: {temperature: 0.5}"), { why = "first" })
    specs:promote("helper@1.0.0")
    local bundle = specs:export()
    assert.same(bundle, specs:export({ agent_id = "helper" }))
    assert.same({}, specs:export({ agent_id = "nobody" }).specs)
    local other = aikit.open()
    assert.same({ imported = { "helper@1.0.0" }, skipped = {} }, other.specs:import(bundle))
    assert.equal("I am 1.0.0", other:agent("helper"):run("x").text)
    assert.same(bundle, other.specs:export())
    assert.equal("spec_conflict", raised(other.specs.import, other.specs, bundle).code)
    assert.same({ imported = {}, skipped = { "helper@1.0.0" } },
      other.specs:import(bundle, { on_conflict = "skip", by = "bob" }))
    bundle.specs[1].version = "9.0.0"
    assert.equal("invalid_argument", raised(other.specs.import, other.specs, bundle).code)
    -- As text, for instance in a file.
    local third = aikit.open()
    third.specs:import(aikit.json_decode(aikit.json_encode(specs:export())))
    assert.equal("active", third.specs:get("helper").status)
    other:close()
    third:close()
  end)

  it("makes agents, which keep the version that they were made from", function()
    specs:save(spec("1.0.0"))
    assert.equal("I am 1.0.0", kernel:agent("helper@1.0.0"):run("x").text)
    specs:promote("helper@1.0.0")
    local agent = kernel:agent("helper")
    specs:save(spec("2.0.0"))
    specs:promote("helper@2.0.0")
    assert.same({ "1.0.0", "I am 1.0.0" }, { agent.version, agent:run("x").text })
    assert.equal("I am 2.0.0", kernel:agent("helper"):run("x").text)
    specs:retire("helper@1.0.0")
    assert.equal("spec_retired", raised(kernel.agent, kernel, "helper@1.0.0").code)
    assert.equal("I am 1.0.0", agent:run("x").text)
    assert.equal("file_not_found", raised(kernel.agent, kernel, "./helper").code)
  end)

  it("is there again when the file is opened again", function()
    local path = os.tmpname()
    os.remove(path)
    local first = aikit.open({ location = path })
    first.specs:save(spec("1.0.0"))
    first:close()
    local again = aikit.open({ location = path })
    assert.equal("draft", again.specs:get("helper@1.0.0").status)
    again:close()
    for _, ending in ipairs({ "", "-wal", "-shm" }) do os.remove(path .. ending) end
  end)

  it("may be used by a tool", function()
    specs:save(spec("1.0.0"))
    kernel:tool({
      name = "release", description = "promotes",
      run = function() return specs:promote("helper@1.0.0").status end,
    })
    local agent = support.agent(kernel, support.calling("release", {}, "{{tool.release}}"), { "release" })
    assert.equal("active", agent:run("x").text)
  end)
end)

describe("a kernel", function()
  it("checks specs against what it has and permits", function()
    local kernel = aikit.open({
      tenant = "acme", policy = { denied_tools = { "calculator" }, quotas = { requests_per_minute = 5 } },
    })
    local checked = spec("1.0.0", "tools: [calculator, missing]")
    assert.equal("[]", aikit.json_encode(checked:check()))
    local codes = {}
    for _, finding in ipairs(kernel:check(checked)) do codes[finding.code] = finding end
    assert.equal("/tools/0", codes.AK3003.path)
    assert.equal("/tools/1", codes.AK3002.path)
    assert.equal("[]", aikit.json_encode(kernel:check(spec("1.0.0"))))
    assert.equal("tool_denied", raised(kernel.call_tool, kernel, "calculator", { expression = "1" }).code)
    assert.equal("tenant_mismatch",
      raised(kernel.agent, kernel, spec("1.0.0", "identity: {tenant_id: other}")).code)
    kernel:close()
  end)

  it("allows only the tools that its policy names", function()
    local kernel = aikit.open({ policy = { allowed_tools = aikit.array({}) } })
    assert.equal("tool_denied", raised(kernel.call_tool, kernel, "calculator", { expression = "1" }).code)
    kernel:close()
  end)

  it("has a model for specs without one", function()
    local kernel = aikit.open({ default_model = "scripted/default" })
    local without = aikit.parse_spec("agent: helper\nscript: [{text: hi}]")
    assert.equal("scripted/default", kernel:agent(without).model)
    assert.equal("scripted/other", kernel:agent(without, { model = "scripted/other" }).model)
    kernel:close()
  end)

  it("fills names and prompts", function()
    local kernel = aikit.open({ tenant = "acme" })
    local agent = kernel:agent(aikit.parse_spec(table.concat({
      "agent: helper", "name: 'Helper of {{ tenant_id }}'", "model: scripted/test",
      "prompt: 'You talk to {{ inputs.customer }}.'", "script: [{text: hi}]",
      "interface: {input_schema: {type: object, properties: {customer: {type: string}}, required: [customer]}}",
    }, "\n")))
    assert.equal("Helper of acme", agent.name)
    assert.equal("hi", agent:run("x", { inputs = { customer = "Ann" } }).text)
    assert.equal("hi", agent:start("x", { inputs = { customer = "Ann" } }):result().text)
    assert.equal("invalid_argument", raised(agent.run, agent, "x").code)
    assert.equal("invalid_argument", raised(agent.run, agent, "x", { inputs = { customer = 5 } }).code)
    kernel:close()
  end)
end)
