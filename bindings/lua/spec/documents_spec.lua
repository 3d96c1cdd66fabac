-- Specs as documents: read, diagnosed, written, compared, edited, imported. No kernel takes part.
local aikit = require("aikit")
local support = require("support")
local raised = support.raised

local TEXT = table.concat({
  "# kept by people",
  "agent: helper  # the id",
  "version: 1.0.0",
  "model: scripted/test",
  "prompt: Be kind.",
  "script: [{text: hi}]",
  "",
}, "\n")

-- A folder with these files; gives its path and what removes it.
local function folder(files)
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkdir " .. path))
  for name, content in pairs(files) do
    local file = assert(io.open(path .. "/" .. name, "wb"))
    file:write(content)
    file:close()
  end
  return path, function()
    for name in pairs(files) do os.remove(path .. "/" .. name) end
    os.remove(path)
  end
end

describe("a spec", function()
  it("shows what it is", function()
    local spec = aikit.parse_spec(TEXT)
    assert.same({ "helper", "helper", "1.0.0", "scripted/test" },
      { spec.agent_id, spec.name, spec.version, spec.model })
    assert.equal(TEXT, spec.text)
    assert.matches("^sha256:%x+$", spec.hash)
    assert.equal(7 + 64, #spec.hash)
    assert.equal("aikit.Spec(helper@1.0.0)", tostring(spec))
    assert.equal("", aikit.parse_spec("agent: helper").model)
  end)

  it("has the hash of its meaning, not of its layout", function()
    local spec = aikit.parse_spec(TEXT)
    local other = aikit.parse_spec((TEXT:gsub("#[^\n]*", "")))
    assert.are_not.equal(spec.text, other.text)
    assert.equal(spec.hash, other.hash)
    assert.are_not.equal(spec.hash, aikit.parse_spec((TEXT:gsub("kind", "rude"))).hash)
  end)

  it("is written out so that it can be read again", function()
    local spec = aikit.parse_spec(TEXT)
    assert.matches("agent_id: helper", spec:render("yaml"))
    for _, format in ipairs({ "yaml", "json" }) do
      assert.equal(spec.hash, aikit.parse_spec(spec:render(format)).hash, format)
    end
    assert.same(spec:to_table(), aikit.json_decode(spec:render("json")))
    assert.equal("helper", aikit.json_decode(spec:render("a2a")).name)
    assert.equal("Agent", aikit.json_decode(spec:render("oracle")).component_type)
  end)

  it("is compared field by field", function()
    local spec = aikit.parse_spec(TEXT)
    local warmer = aikit.parse_spec(TEXT .. "intelligence: {temperature: 0.5}\n")
    assert.same({ { path = "/intelligence/temperature", kind = "added", after = 0.5 } },
      spec:diff(warmer))
    assert.same({ { path = "/intelligence/temperature", kind = "removed", before = 0.5 } },
      warmer:diff(spec))
    assert.equal("[]", aikit.json_encode(spec:diff(spec)))
  end)

  it("extends the files of the folder that is given, and no others", function()
    local path, remove = folder({ ["base.yaml"] = "model: scripted/base\nscript: [{text: hi}]\n" })
    local text = "extends: base.yaml\nagent: child\n"
    local spec = aikit.parse_spec(text, { base = path })
    assert.equal("scripted/base", spec.model)
    assert.equal(spec.hash, aikit.parse_spec(spec.text).hash)
    assert.equal("[]", aikit.json_encode(aikit.diagnose(text, { base = path })))
    assert.equal("spec_invalid", raised(aikit.parse_spec, text).code)
    assert.equal("spec_invalid", raised(aikit.parse_spec, "extends: ../x.yaml\nagent: a", { base = path }).code)
    remove()
  end)

  it("names the extended file in which something is wrong", function()
    local path, remove = folder({ ["base.yaml"] = "model: scripted/base\nscript: [{text: hi}]\ntemperatur: 1\n" })
    local found = aikit.diagnose("extends: base.yaml\nagent: child\n", { base = path })
    remove()
    assert.matches("base%.yaml$", found[1].file)
    assert.equal(3, found[1].line)
  end)
end)

describe("diagnose", function()
  local broken = "agent: helper\nmodell: scripted/test\nmodel: scripted/test\n"

  it("finds nothing in a good spec", function()
    assert.equal("[]", aikit.json_encode(aikit.diagnose(TEXT)))
    assert.equal("", aikit.diagnose(TEXT, { format = "text" }))
  end)

  it("gives every finding of a bad one, with its place", function()
    local found = aikit.diagnose(broken)
    assert.same({ "AK1002", "error", "/modell" }, { found[1].code, found[1].severity, found[1].path })
    assert.same({ 2, 1, 2, 7 },
      { found[1].line, found[1].column, found[1].end_line, found[1].end_column })
    assert.same(found, aikit.diagnose(broken, { format = "json" }))
    assert.same({ "AK2001", "warning", 3 }, { found[2].code, found[2].severity, found[2].line })
    assert.equal(2, #found)
  end)

  it("speaks to editors and terminals", function()
    local found = aikit.diagnose(broken, { format = "lsp" })[1]
    assert.same({ start = { line = 1, character = 0 }, ["end"] = { line = 1, character = 6 } }, found.range)
    assert.same({ 1, "aikit" }, { found.severity, found.source })
    local text = aikit.diagnose(broken, { format = "text", file = "mine.yaml" })
    assert.matches("mine.yaml:2:1: error[AK1002]", text, 1, true)
    assert.matches("^^^^^^", text, 1, true)
  end)

  it("raises nothing for a text, whatever it is", function()
    for _, text in ipairs({ "", "\0", "[", "- a", "a: &a [*a]", "{", "\t", ("["):rep(10000) }) do
      local found = aikit.diagnose(text)
      assert.equal("error", found[1].severity, ("%q"):format(text:sub(1, 20)))
    end
  end)
end)

describe("edit_spec", function()
  it("sets one value and keeps the rest", function()
    assert.equal((TEXT:gsub("scripted/test", "scripted/new")),
      aikit.edit_spec(TEXT, "/model", "scripted/new"))
    assert.equal(aikit.parse_spec(TEXT):to_table().identity.agent_id,
      aikit.parse_spec(aikit.edit_spec(TEXT, "/prompt", aikit.null)).agent_id)
    local tags = aikit.edit_spec(TEXT, "/tags", { "a", "b" })
    assert.same({ "a", "b" }, aikit.parse_spec(tags):to_table().identity.tags)
    assert.matches("# kept by people", tags, 1, true)
  end)

  it("refuses what would leave no spec, and places that are none", function()
    assert.equal("spec_invalid", raised(aikit.edit_spec, TEXT, "/modell", "x").code)
    assert.equal("spec_invalid", raised(aikit.edit_spec, TEXT, "/version", "one").code)
    assert.equal("spec_invalid", raised(aikit.edit_spec, "a: 1", "/model", "x").code)
    assert.equal("invalid_argument", raised(aikit.edit_spec, TEXT, "/no/such/place", 1).code)
    assert.equal("invalid_argument", raised(aikit.edit_spec, TEXT, "model", "x").code)
  end)
end)

describe("import_spec", function()
  local foreign = "agents:\n  root:\n    model: openai/gpt-4o\n    instruction: Be kind.\n"

  it("gives specs and a report", function()
    local imported = aikit.import_spec(foreign, { from = "docker-agent", file = "team.yaml" })
    assert.equal("docker-agent", imported.format)
    local spec = aikit.parse_spec(imported.specs[1].text)
    assert.equal(imported.specs[1].name, spec.agent_id)
    assert.equal("openai/gpt-4o", spec.model)
    assert.equal(2, #imported.report)
    assert.same(imported.specs, aikit.import_spec(foreign).specs)
  end)

  it("refuses what is of no known format", function()
    assert.equal("invalid_argument", raised(aikit.import_spec, "just: text").code)
    assert.equal("spec_invalid", raised(aikit.import_spec, "a: [", { from = "adl" }).code)
  end)
end)

describe("spec_schema", function()
  it("is a JSON Schema of specs", function()
    local schema = aikit.spec_schema()
    assert.equal("object", schema.type)
    assert.is_table(schema.properties.intelligence)
    assert.are_not.equal(schema, aikit.spec_schema())
  end)
end)
