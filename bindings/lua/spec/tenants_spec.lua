-- Tenants and administration: each operation for real on a store in a file, and what is refused.
local aikit = require("aikit")
local support = require("support")
local raised = support.raised

-- A path where nothing is.
local function fresh(paths)
  local path = os.tmpname()
  os.remove(path)
  paths[#paths + 1] = path
  return path
end

local function spec(version)
  return aikit.parse_spec(
    "agent: desk\nversion: " .. version .. "\nmodel: scripted/desk\nscript: [{text: hi}]\n")
end

-- Replaces a text in a file by one of the same length; gives how often it stood there.
local function tamper(path, from, to)
  assert.equal(#from, #to)
  local file = assert(io.open(path, "rb"))
  local content, times = file:read("*a"):gsub(from, to)
  file:close()
  file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return times
end

describe("administration", function()
  local paths, location, admin
  before_each(function()
    paths = {}
    location = fresh(paths)
    admin = aikit.open_admin({ location = location, actor = "ann" })
  end)
  after_each(function()
    admin:close()
    for _, path in ipairs(paths) do
      for _, ending in ipairs({ "", "-wal", "-shm" }) do os.remove(path .. ending) end
    end
  end)

  -- A kernel of a tenant of the store, closed with the test.
  local function open(tenant, more)
    local options = { location = location, tenant = tenant }
    for name, value in pairs(more or {}) do options[name] = value end
    local kernel = aikit.open(options)
    finally(function() kernel:close() end)
    return kernel
  end

  it("makes, finds, names, moves and lists tenants", function()
    local acme = admin:create_tenant("acme", { kind = "org", name = "Acme" })
    assert.same({ "acme", "org", "Acme", "active", {}, aikit.null }, {
      acme.tenant_id, acme.kind, acme.name, acme.status, acme.config, acme.parent,
    })
    local shop = admin:create_tenant("shop", { parent = "acme" })
    assert.equal("acme", shop.parent)
    assert.same(shop, admin:tenant("shop"))
    assert.equal("tenant_exists", raised(admin.create_tenant, admin, "shop").code)
    assert.equal("tenant_not_found", raised(admin.tenant, admin, "nobody").code)
    assert.equal("tenant_invalid", raised(admin.create_tenant, admin, "Not A Slug").code)

    local page = admin:tenants({ limit = 1 })
    assert.same({ 1, "acme", "acme" }, { #page.tenants, page.tenants[1].tenant_id, page.next })
    page = admin:tenants({ limit = 1, after = page.next })
    assert.same({ "shop", aikit.null }, { page.tenants[1].tenant_id, page.next })
    assert.equal("shop", admin:tenants({ parent = "acme" }).tenants[1].tenant_id)
    assert.same({}, admin:tenants({ status = "suspended" }).tenants)
    assert.equal("acme", admin:tenants({ kind = "org" }).tenants[1].tenant_id)

    assert.equal("Acme Ltd", admin:rename_tenant("acme", "Acme Ltd").name)
    assert.equal(aikit.null, admin:rename_tenant("acme", aikit.null).name)
    assert.equal(aikit.null, admin:move_tenant("shop", aikit.null).parent)
    assert.equal("acme", admin:move_tenant("shop", "acme").parent)
  end)

  it("bounds what a tenant may have", function()
    admin:create_tenant("acme", { config = { quotas = { max_specs = 1 } } })
    local kernel = open("acme")
    kernel.specs:save(spec("1.0.0"))
    assert.equal("quota_exceeded", raised(kernel.specs.save, kernel.specs, spec("2.0.0")).code)
    assert.same({ quotas = { max_specs = 2 } },
      admin:configure_tenant("acme", { quotas = { max_specs = 2 } }).config)
    local err = raised(admin.configure_tenant, admin, "acme", { quota = 1 })
    assert.same({ "config_invalid", "/quota" }, { err.code, err.path })
    open("acme").specs:save(spec("2.0.0"))

    support.agent(kernel, { { text = "hi" } }):run("x")
    local usage = kernel:usage()
    assert.equal(2, usage.totals.specs)
    assert.equal(1, usage.days[1].runs)
    assert.same(usage, admin:tenant_usage("acme"))
    assert.same({}, kernel:usage({ days = 0 }).days)
    assert.same({}, admin:tenant_usage("acme", { days = 0 }).days)
  end)

  it("suspends and resumes", function()
    admin:create_tenant("acme")
    local kernel = open("acme")
    assert.equal("suspended", admin:suspend_tenant("acme", { why = "unpaid" }).status)
    assert.equal("tenant_suspended", raised(kernel.specs.list, kernel.specs).code)
    local err = raised(aikit.open, { location = location, tenant = "acme" })
    assert.equal("tenant_suspended", err.code)
    assert.equal("active", admin:resume_tenant("acme").status)
    assert.same({}, kernel.specs:list().specs)
  end)

  it("lets a tenant above read, and only read", function()
    admin:create_tenant("acme")
    admin:create_tenant("shop", { parent = "acme" })
    open("shop").specs:save(spec("1.0.0"))
    local reading = { location = location, tenant = "shop", reader = "acme" }
    assert.equal("access_denied", raised(aikit.open, reading).code)
    assert.is_nil(admin:grant_read("shop", "acme"))
    local grant = admin:read_grants("shop")[1]
    assert.same({ "acme", "ann" }, { grant.reader, grant.granted_by })
    local kernel = open("shop", { reader = "acme" })
    assert.equal("1.0.0", kernel.specs:list().specs[1].version)
    assert.equal("tenant_read_only", raised(kernel.specs.save, kernel.specs, spec("2.0.0")).code)
    assert.is_true(admin:revoke_read("shop", "acme"))
    assert.is_false(admin:revoke_read("shop", "acme"))
    assert.same({}, admin:read_grants("shop"))
    assert.equal("access_denied", raised(kernel.specs.list, kernel.specs).code)
  end)

  it("carries a tenant from store to store", function()
    admin:create_tenant("acme")
    local kernel = open("acme")
    kernel.specs:save(spec("1.0.0"))
    local digest = admin:tenant_digest("acme")
    assert.equal(1, digest.spec_versions.rows)

    local archive = fresh(paths)
    local written = admin:export_tenant("acme", archive)
    assert.same({ "acme", digest }, { written.tenant, written.tables })
    local taken = admin:import_tenant(archive, { as = "twin" })
    assert.equal("twin", taken.tenant)
    assert.same(digest.spec_versions, admin:tenant_digest("twin").spec_versions)
    assert.equal("tenant_exists", raised(admin.import_tenant, admin, archive).code)

    local copied = admin:copy_tenant("acme", fresh(paths))
    assert.is_true(copied.agree)
    assert.same(digest, copied.source)
    local other = aikit.open_admin({ location = paths[#paths], actor = "bob" })
    assert.same(digest.spec_versions, other:tenant_digest("acme").spec_versions)
    other:close()

    local broken = support.file('{"aikit": "nothing"}\n')
    paths[#paths + 1] = broken
    assert.equal("archive_invalid", raised(admin.import_tenant, admin, broken).code)

    assert.same({}, admin:prune())
    assert.same({}, admin:check())
    local deleted = admin:delete_tenant("twin", { erase = true })
    assert.same({ { "twin" }, 1 }, { deleted.tenants, deleted.rows.spec_versions })
    assert.equal("tenant_not_found", raised(admin.tenant, admin, "twin").code)
  end)

  it("deletes what stands below only when told so", function()
    admin:create_tenant("acme")
    admin:create_tenant("shop", { parent = "acme" })
    assert.equal("invalid_argument", raised(admin.delete_tenant, admin, "acme").code)
    assert.same({ "shop", "acme" }, admin:delete_tenant("acme", { children = true }).tenants)
  end)

  it("makes copies that are stores", function()
    admin:create_tenant("acme")
    local kernel = open("acme")
    kernel.specs:save(spec("1.0.0"))
    for _, copy in ipairs({ { kernel.backup, kernel }, { admin.backup, admin } }) do
      local path = fresh(paths)
      assert.is_nil(copy[1](copy[2], path))
      assert.equal("invalid_argument", raised(copy[1], copy[2], path).code)
      local opened = aikit.open({ location = path, tenant = "acme" })
      assert.equal("1.0.0", opened.specs:list().specs[1].version)
      opened:close()
    end
  end)

  it("writes down what was done, and sees when that is changed", function()
    admin:create_tenant("acme")
    local kernel = aikit.open({ location = location, tenant = "acme" })
    kernel.specs:save(spec("1.0.0"))
    kernel:close()
    admin:suspend_tenant("acme", { why = "the bill is unpaid" })
    local log = admin:audit_log()
    assert.same({ "ann", "tenant.created", "acme" }, { log[1].actor, log[1].action, log[1].object })
    assert.equal("the bill is unpaid", log[2].detail.why)
    assert.equal(log[1].hash, log[2].prev)
    assert.same({ log[2] }, admin:audit_log({ after = 1, limit = 1 }))
    assert.equal("spec.saved", admin:audit_log({ tenant = "acme" })[1].action)
    local report = admin:verify_audit()
    assert.equal(aikit.null, report.broken)
    assert.same({ "@store", true }, { report.chains[1].tenant_id, report.chains[1].sound })
    local head = report.chains[1].head
    assert.equal(aikit.null, admin:verify_audit({ expect = { head } }).broken)
    head.seq = 99
    assert.equal("@store", admin:verify_audit({ expect = { head } }).broken.tenant_id)

    admin:close()
    assert.is_true(tamper(location, "the bill is unpaid", "the bill was paid!") > 0)
    admin = aikit.open_admin({ location = location, actor = "ann" })
    local broken = admin:verify_audit().broken
    assert.same({ "@store", 2 }, { broken.tenant_id, broken.seq })
    assert.equal(aikit.null, admin:verify_audit({ tenant = "acme" }).broken)
  end)

  it("reads a profile, whose secrets stay where they are", function()
    local secret, profile = support.file("open-sesame"), nil
    profile = support.file(table.concat({
      "store = '" .. location .. "'",
      "actor = 'bob'",
      "default_model = 'scripted/usual'",
      "[providers.openai]",
      "api_key = {file = '" .. secret .. "'}",
      "[quotas]",
      "max_specs = 1",
    }, "\n"))
    paths[#paths + 1], paths[#paths + 2] = secret, profile
    local other = aikit.open_admin({ profile = profile })
    other:create_tenant("acme")
    assert.equal("bob", other:audit_log()[1].actor)
    other:close()

    local kernel = aikit.open({ profile = profile, tenant = "acme" })
    finally(function() kernel:close() end)
    local settings = {}
    for _, setting in ipairs(kernel:config()) do settings[setting.key] = setting end
    assert.same({ "file:" .. secret, "set" }, {
      settings["providers.openai.api_key"].value, settings["providers.openai.api_key"].secret,
    })
    assert.same({ 1, "profile " .. profile }, {
      settings["quotas.max_specs"].value, settings["quotas.max_specs"].source,
    })
    assert.is_nil(aikit.json_encode(kernel:config()):find("open-sesame", 1, true))
    for _, setting in ipairs(kernel:config(spec("1.0.0"))) do settings[setting.key] = setting end
    assert.equal("scripted/desk", settings.default_model.value)
    assert.equal("scripted/usual", settings.default_model.overruled[1].value)
    kernel.specs:save(spec("1.0.0"))
    assert.equal("quota_exceeded", raised(kernel.specs.save, kernel.specs, spec("2.0.0")).code)

    assert.equal("file_not_found", raised(aikit.open, { profile = "no/such.toml" }).code)
    local broken = support.file("quota = 1\n")
    paths[#paths + 1] = broken
    assert.equal("config_invalid", raised(aikit.open, { profile = broken }).code)
    assert.equal("config_invalid", raised(aikit.open_admin, { profile = broken }).code)
  end)

  it("refuses wrong arguments, and never coerces", function()
    local kernel = open("acme")
    for name, call in pairs({
      open_nothing = function() aikit.open_admin() end,
      open_text = function() aikit.open_admin(location) end,
      open_nowhere = function() aikit.open_admin({ actor = "ann" }) end,
      open_nobody = function() aikit.open_admin({ location = location }) end,
      open_unknown = function() aikit.open_admin({ location = location, acter = "ann" }) end,
      open_location = function() aikit.open_admin({ location = 1, actor = "ann" }) end,
      no_id = function() admin:create_tenant() end,
      number_id = function() admin:create_tenant(7) end,
      table_id = function() admin:tenant({ id = "acme" }) end,
      options_text = function() admin:create_tenant("new", "acme") end,
      options_array = function() admin:create_tenant("new", { "acme" }) end,
      options_unknown = function() admin:create_tenant("new", { parant = "acme" }) end,
      options_twice = function() admin:create_tenant("new", { id = "acme" }) end,
      options_of_none = function() admin:tenant("acme", { days = 1 }) end,
      kind = function() admin:create_tenant("new", { kind = "firm" }) end,
      config = function() admin:configure_tenant("acme") end,
      name = function() admin:rename_tenant("acme") end,
      parent = function() admin:move_tenant("acme") end,
      why = function() admin:suspend_tenant("acme", { why = 1 }) end,
      limit = function() admin:tenants({ limit = 0 }) end,
      reader = function() admin:grant_read("acme") end,
      days = function() admin:tenant_usage("acme", { days = 1.5 }) end,
      path = function() admin:export_tenant("acme", 1) end,
      to = function() admin:copy_tenant("acme") end,
      expect = function() admin:verify_audit({ expect = "x" }) end,
      check = function() admin:check({ deep = true }) end,
      func = function() admin:configure_tenant("acme", print) end,
      no_self = function() admin.check() end,
      wrong_self = function() admin.check(kernel) end,
      close_self = function() admin.close(kernel) end,
      reader_alone = function() aikit.open({ location = location, reader = 1 }) end,
      rls = function() aikit.open({ rls = "no" }) end,
      profile = function() aikit.open({ profile = 1 }) end,
      usage = function() kernel:usage(30) end,
      usage_array = function() kernel:usage({ 30 }) end,
      usage_days = function() kernel:usage({ days = -1 }) end,
      usage_unknown = function() kernel:usage({ day = 1 }) end,
      config_of_text = function() kernel:config("desk") end,
      backup = function() kernel:backup() end,
    }) do
      assert.equal("invalid_argument", raised(call).code, name)
    end
    assert.equal("invalid_utf8", raised(admin.tenant, admin, "caf\233").code)
    assert.equal("invalid_utf8", raised(kernel.backup, kernel, "caf\233").code)
    assert.matches("aikit%.null", raised(admin.rename_tenant, admin, "acme").hint)
    assert.matches("tenants_spec%.lua:%d+$", raised(function() admin:tenant("no") end).where)
  end)

  it("answers closed after close, which may be repeated", function()
    local kernel = aikit.open({ location = location })
    kernel:close()
    assert.equal("closed", raised(kernel.usage, kernel).code)
    assert.equal("closed", raised(kernel.backup, kernel, "no.db").code)
    assert.equal("aikit.Admin", tostring(admin))
    admin:close()
    admin:close()
    for _, name in ipairs({ "tenants", "check", "prune", "verify_audit", "audit_log" }) do
      assert.equal("closed", raised(admin[name], admin).code, name)
    end
    assert.equal("closed", raised(admin.create_tenant, admin, "late").code)
  end)

  it("lets go of what is dropped, and closes at the end of a scope", function()
    local weak = setmetatable({}, { __mode = "v" })
    for i = 1, 20 do
      weak[i] = aikit.open_admin({ location = location, actor = "ann" })
      weak[i]:check()
    end
    for _ = 1, 3 do collectgarbage() end
    assert.same({}, weak)
    if _VERSION ~= "Lua 5.4" then return end
    local scoped = load([[
      local aikit, location = ...
      local admin <close> = aikit.open_admin({ location = location, actor = "ann" })
      return admin
    ]])(aikit, location)
    assert.equal("closed", raised(scoped.check, scoped).code)
  end)
end)
