-- The annotations name exactly what the module has.
local aikit = require("aikit")
local support = require("support")

local folder = debug.getinfo(1, "S").source:match("^@(.*)/spec/[^/]*$") or "."

-- What the annotations say: for each class its functions and its fields.
local function annotated()
  local classes, class = {}, nil
  local function read(line)
    local name = line:match("^%-%-%-@class ([%w_.]+)")
    if name then
      class = { functions = {}, fields = {} }
      classes[name:gsub("^aikit%.", "")] = class
    end
    local field, optional = line:match("^%-%-%-@field ([%w_]+)(%??) ")
    if field then class.fields[field] = optional == "" and "required" or "optional" end
    local owner, method = line:match("^function ([%w_]+)[.:]([%w_]+)%(")
    if owner then classes[owner].functions[method] = true end
  end
  for _, file in ipairs({ "aikit", "administration" }) do
    for line in io.lines(folder .. "/types/" .. file .. ".lua") do read(line) end
  end
  return classes
end

local function functions_of(object)
  local found = {}
  for name, value in pairs(object) do
    if type(value) == "function" then found[name] = true end
  end
  return found
end

describe("the annotations", function()
  local classes = annotated()
  local kernel = aikit.open()
  local spec = support.spec({ { text = "hi" } })
  local agent = kernel:agent(spec)
  local admin = aikit.open_admin({ location = ":memory:", actor = "ann" })
  local objects = {
    Admin = admin,
    Kernel = kernel, Spec = spec, Specs = kernel.specs, Agent = agent,
    Collection = kernel:collection("docs"), Run = agent:start("hi"),
  }
  teardown(function()
    kernel:close()
    admin:close()
  end)

  it("have the module's functions and fields", function()
    assert.same(functions_of(aikit), classes.aikit.functions)
    for name, value in pairs(aikit) do
      if type(value) ~= "function" then assert.equal("required", classes.aikit.fields[name], name) end
    end
  end)

  for name, object in pairs(objects) do
    it("have the methods and fields of " .. name, function()
      for method in pairs(classes[name].functions) do
        assert.is_function(object[method], name .. ":" .. method)
      end
      for field in pairs(classes[name].fields) do
        local wanted = objects[field:gsub("^%l", string.upper)] and "userdata" or "string"
        assert.equal(wanted, type(object[field]), name .. "." .. field)
      end
      assert.is_nil(object.no_such_thing)
    end)
  end

  it("miss no method", function()
    -- The methods are hidden behind the userdata; the sources name them.
    local known, methods = {}, 0
    for name in pairs(objects) do known[name] = true end
    for line in io.lines(folder .. "/src/aikit.lua") do
      local owner, method = line:match("^function (%u[%w_]+)%.([%w_]+)%(")
      if owner and known[owner] then
        methods = methods + 1
        assert.is_true(classes[owner].functions[method], owner .. ":" .. method)
      end
    end
    assert.is_true(methods > 30)
    -- Those of an administrator come from the native half.
    methods = 0
    for line in io.lines(folder .. "/src/admin.rs") do
      local method = line:match('^    method%("([%w_]+)"') or line:match('^    Method { name: "([%w_]+)"')
      if method then
        methods = methods + 1
        assert.is_true(classes.Admin.functions[method], "Admin:" .. method)
      end
    end
    assert.equal(22, methods)
  end)

  it("have the fields of errors, results and reports", function()
    local err = support.raised(aikit.parse_spec, "a: 1")
    for field in pairs(err) do assert.is_string(classes.Error.fields[field], field) end
    for field in pairs(err.diagnostics[1]) do assert.is_string(classes.Diagnostic.fields[field], field) end
    for field in pairs(agent:run("x")) do assert.is_string(classes.Result.fields[field], field) end
  end)

  local function both_ways(class, value)
    for field in pairs(value) do assert.is_string(classes[class].fields[field], class .. "." .. field) end
    for field, kind in pairs(classes[class].fields) do
      assert.is_true(kind == "optional" or value[field] ~= nil, class .. "." .. field)
    end
  end

  it("have the fields of what administration gives", function()
    both_ways("Tenant", admin:create_tenant("acme"))
    local usage = kernel:usage()
    both_ways("Usage", usage)
    both_ways("Totals", usage.totals)
    agent:run("x")
    both_ways("DayUsage", kernel:usage().days[1])
    local setting = kernel:config()[1]
    both_ways("Setting", setting)
    local _, digest = next(admin:tenant_digest("acme"))
    both_ways("TableDigest", digest)
    local path = os.tmpname()
    both_ways("CopyReport", admin:copy_tenant("acme", path .. ".db"))
    os.remove(path .. ".db")
    os.remove(path)
    both_ways("ArchiveReport", admin:export_tenant("acme", path))
    os.remove(path)
    both_ways("AuditEntry", admin:audit_log()[1])
    local report = admin:verify_audit()
    both_ways("AuditChain", report.chains[1])
    both_ways("AuditHead", report.chains[1].head)
    report.chains[1].head.seq = 99
    both_ways("AuditBreak", admin:verify_audit({ expect = { report.chains[1].head } }).broken)
  end)

  it("have the fields of what the repository gives", function()
    local record = kernel.specs:save(spec)
    both_ways("SpecRecord", record)
    assert.is_table(record.document)
    local page = kernel.specs:list()
    both_ways("SpecPage", page)
    both_ways("SpecRecord", page.specs[1])
    both_ways("HistoryEntry", kernel.specs:history(spec.agent_id)[1])
    both_ways("Bundle", kernel.specs:export())
    both_ways("Change", spec:diff(aikit.parse_spec("agent: other\nmodel: scripted/x"))[1])
    local text = "model: scripted/x"
    both_ways("Diagnostic", aikit.diagnose(text)[1])
    both_ways("LspDiagnostic", aikit.diagnose(text, { format = "lsp" })[1])
    local imported = aikit.import_spec("agents: {root: {model: openai/gpt-4o, instruction: Hi}}", {
      from = "docker-agent",
    })
    both_ways("Imported", imported)
    for _, leaf in ipairs(imported.report) do both_ways("ImportedLeaf", leaf) end
  end)
end)
