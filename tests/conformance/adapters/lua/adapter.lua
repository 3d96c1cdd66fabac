-- Performs the steps of one conformance scenario through the Lua module and prints what it saw.
--
--   lua adapter.lua SCENARIO.json
--
-- Judges nothing: tests/conformance/run.py compares. The current folder holds the scenario's files.
local aikit = require("aikit")
local unpack = table.unpack or unpack

local file = assert(io.open(arg[1], "rb"))
local scenario = aikit.json_decode(file:read("*a"))
file:close()

local kernel, agent, admin, bundle
-- The spec that the last `parse` gave.
local parsed

-- An error as the document of the contract; what is no error of aikit's is shown as it is.
local function describe(err)
  if type(err) ~= "table" then return { code = "lua_error", message = tostring(err) } end
  local document = {}
  for key, value in pairs(err) do
    if key ~= "where" then document[key] = value end
  end
  return document
end

local function sleep(milliseconds)
  -- Lua has no sleep of its own, and the adapter depends on nothing.
  os.execute(("sleep %.3f"):format(milliseconds / 1000))
end

local function register(tool)
  local definition = {}
  for key, value in pairs(tool) do
    if key ~= "behaviour" then definition[key] = value end
  end
  local behaviour = tool.behaviour
  definition.run = function(arguments)
    if behaviour.sleeps_ms then sleep(behaviour.sleeps_ms) end
    if behaviour.fails then error(behaviour.fails, 0) end
    if behaviour.echoes then return arguments end
    return behaviour.returns
  end
  kernel:tool(definition)
end

local function register_model(model)
  local behaviour = model.behaviour
  local function chat(request)
    if behaviour.sleeps_ms then sleep(behaviour.sleeps_ms) end
    if behaviour.fails then error(behaviour.fails, 0) end
    local said = 0
    for _, message in ipairs(request.messages) do
      if message.role == "assistant" then said = said + 1 end
    end
    if behaviour.repeats then return { text = request.messages[#request.messages].content } end
    return behaviour.answers[said + 1]
  end
  kernel:model({ name = model.name, timeout_ms = model.timeout_ms, chat = chat })
end

local function show(object)
  return {
    agent_id = object.agent_id, name = object.name, version = object.version, model = object.model,
  }
end

local function show_spec(spec)
  local shown = show(spec)
  shown.hash = spec.hash
  return shown
end

-- Only the named fields that the step has: an empty table of options is what nobody would write.
local function options(step, names)
  local picked
  for _, name in ipairs(names) do
    if step[name] ~= nil then
      picked = picked or {}
      picked[name] = step[name]
    end
  end
  return picked
end

-- A step's own spec, or the scenario's.
local function read(step)
  if not step.spec and scenario.spec_file then return aikit.load_spec(scenario.spec_file) end
  return aikit.parse_spec(step.spec or scenario.spec, options(step, { "base" }))
end

local function spec() return parsed or read({}) end

local steps = {}

function steps.parse(step)
  parsed = read(step)
  return show_spec(parsed)
end

function steps.check() return spec():check() end

function steps.diagnose(step)
  return aikit.diagnose(step.text, options(step, { "base", "format", "file" }))
end

function steps.check_in_kernel() return kernel:check(spec()) end

function steps.render(step) return spec():render(step.format) end

function steps.diff_specs(step) return spec():diff(aikit.parse_spec(step.other)) end

function steps.edit(step) return aikit.edit_spec(step.text, step.pointer, step.value) end

function steps.import_spec(step)
  return aikit.import_spec(step.text, options(step, { "from", "file" }))
end

function steps.schema() return aikit.spec_schema() end

local repository = {}

function steps.specs(step) return repository[step.op](kernel.specs, step) end

function repository.save(specs, step)
  local saved = step.text and aikit.parse_spec(step.text) or spec()
  return specs:save(saved, step.options)
end

function repository.get(specs, step) return specs:get(step.ref) end

function repository.load(specs, step) return show_spec(specs:load(step.ref)) end

function repository.list(specs, step) return specs:list(step.options) end

function repository.history(specs, step) return specs:history(step.agent_id) end

function repository.diff(specs, step) return specs:diff(step.a, step.b) end

function repository.promote(specs, step) return specs:promote(step.ref, step.options) end

function repository.deprecate(specs, step) return specs:deprecate(step.ref, step.options) end

function repository.retire(specs, step) return specs:retire(step.ref, step.options) end

function repository.delete(specs, step) return specs:delete(step.ref, step.options) end

function repository.export(specs, step)
  bundle = specs:export(step.options)
  return bundle
end

function repository.import(specs, step) return specs:import(step.bundle or bundle, step.options) end

-- For each operation of an administrator, its arguments that have a place.
local places = {
  create_tenant = { "id" }, tenant = { "id" }, tenants = {}, configure_tenant = { "id", "config" },
  rename_tenant = { "id", "name" }, move_tenant = { "id", "parent" }, suspend_tenant = { "id" },
  resume_tenant = { "id" }, delete_tenant = { "id" }, grant_read = { "id", "reader" },
  revoke_read = { "id", "reader" }, read_grants = { "id" }, usage = { "id" }, digest = { "id" },
  export_tenant = { "id", "path" }, import_tenant = { "path" }, copy_tenant = { "id", "to" },
  audit_log = {}, verify_audit = {}, prune = {}, backup = { "path" }, check = {},
}

-- The operations whose methods have other names.
local methods = { usage = "tenant_usage", digest = "tenant_digest" }

function steps.open_admin(step)
  admin = aikit.open_admin(options(step, { "location", "actor", "profile" }))
end

function steps.admin(step)
  local positional, named, given = {}, nil, {}
  for i, name in ipairs(places[step.op] or {}) do
    positional[i] = (step.arguments or {})[name]
    given[name] = true
  end
  for name, value in pairs(step.arguments or {}) do
    if not given[name] then
      named = named or {}
      named[name] = value
    end
  end
  local count = #(places[step.op] or {}) + 1
  positional[count] = named
  return admin[methods[step.op] or step.op](admin, unpack(positional, 1, count))
end

function steps.close_admin() return admin:close() end

function steps.usage(step) return kernel:usage(options(step, { "days" })) end

function steps.config() return kernel:config(parsed) end

function steps.backup(step) return kernel:backup(step.path) end

local open_options = {
  "location", "tenant", "providers", "actor", "default_model", "policy", "profile", "reader", "rls",
}

function steps.open(step)
  kernel = aikit.open(options(step, open_options))
  for _, tool in ipairs(scenario.tools or {}) do register(tool) end
  for _, model in ipairs(scenario.models or {}) do register_model(model) end
  return { tenant = kernel.tenant }
end

function steps.ingest(step)
  return kernel:collection(step.collection):ingest(step.path, options(step, { "embedding_model", "strategy" }))
end

function steps.search(step)
  local options = options(step, { "top_k", "embedding_model", "strategy" })
  return kernel:collection(step.collection):search(step.query, options)
end

function steps.documents(step) return kernel:collection(step.collection):documents() end

function steps.agent(step)
  agent = kernel:agent(step.ref or spec(), options(step, { "model" }))
  return show(agent)
end

local run_options = {
  "run_id", "max_turns", "timeout_ms", "tokens_per_run", "cost_usd_per_run", "inputs", "images", "output_schema",
}

function steps.run(step) return agent:run(step.input, options(step, run_options)) end

function steps.start(step, events)
  local run = agent:start(step.input, options(step, run_options))
  local cancelled = false
  for event in run:events() do
    events[#events + 1] = event
    if event.type == step.cancel_at and not cancelled then
      cancelled = true
      run:cancel()
    end
  end
  return run:result()
end

function steps.together(step)
  local runs, results = {}, aikit.array({})
  for i, input in ipairs(step.inputs) do runs[i] = agent:start(input) end
  for i, run in ipairs(runs) do results[i] = run:result() end
  return results
end

function steps.call_tool(step) return kernel:call_tool(step.name, step.arguments) end

function steps.run_events(step) return kernel:run_events(step.run_id) end

function steps.close() return kernel:close() end

local observations = aikit.array({})
for i, step in ipairs(scenario.steps) do
  local events = aikit.array({})
  local ok, value = pcall(steps[step["do"]], step, events)
  local observation = {}
  if not ok then
    observation.error = describe(value)
  elseif value == nil then
    observation.ok = aikit.null
  else
    observation.ok = value
  end
  if step["do"] == "start" then observation.events = events end
  observations[i] = observation
end
io.write(aikit.json_encode({ observations = observations }), "\n")
