-- The Lua half of aikit. It raises what the native half reports, waits on the Lua thread, and runs
-- host tools there. Runs on Lua 5.1 to 5.4 and LuaJIT, and touches no global.
local native = ...

local coroutine, debug, error, pairs, pcall, rawget, setmetatable, tostring, type =
  coroutine, debug, error, pairs, pcall, rawget, setmetatable, tostring, type

-- How long one blocking wait lasts, in milliseconds. Between two waits Lua code runs, so that a
-- debug hook (Ctrl-C in the lua program, a watchdog of the host's) takes effect.
local SLICE = 50

local Error = { __name = "aikit.Error" }

function Error.__tostring(err)
  local text = "[" .. tostring(err.code) .. "] " .. tostring(err.message)
  if err.hint then text = text .. " (" .. err.hint .. ")" end
  if err.where then text = err.where .. ": " .. text end
  return text
end

-- The line of the user's that called into aikit, as Lua's own messages show it.
local function where()
  local level = 2
  local info = debug.getinfo(level, "Sl")
  while info do
    if info.currentline > 0 and info.source ~= "=aikit" then
      return info.short_src .. ":" .. info.currentline
    end
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
end

local function check(ok, ...)
  if ok then return ... end
  local err = setmetatable((...), Error)
  err.where = where()
  error(err, 0)
end

-- Every native function once as it is (`native`), once raising (`call`).
local call = {}
for name, func in pairs(native) do
  if type(func) == "function" then
    call[name] = function(...) return check(func(...)) end
  end
end

-- What an error value says. A user's __tostring may itself fail, or give no string.
local function describe(value)
  local ok, text = pcall(tostring, value)
  return ok and type(text) == "string" and text or "an error value of type " .. type(value)
end

-- Runs a host tool, or the function of a host's model, and answers its call. It gets a coroutine of its own, for its traceback
-- and to notice a yield.
local function answer(run, tool, arguments)
  local thread = coroutine.create(function() return tool(arguments) end)
  local ok, result, reason = coroutine.resume(thread)
  if coroutine.status(thread) ~= "dead" then
    local message = "the function yielded: it has to return, because its caller waits for it"
    return native.fail(run, message, debug.traceback(thread, message))
  end
  if not ok then
    local message = type(result) == "table" and rawget(result, "message") or result
    return native.fail(run, describe(message), debug.traceback(thread, describe(result)))
  end
  if result == nil and reason ~= nil then
    -- `return nil, message` is how Lua functions fail without an exception.
    return native.fail(run, describe(reason), "the function returned nil and this message")
  end
  local fits, err = native.succeed(run, result)
  if not fits then native.fail(run, err.message, "the function returned a value that JSON cannot hold") end
end

-- Takes the next event, running the tools that are called on the way. Gives the event, or nil and
-- "running" (nothing within `wait` milliseconds) or "ended".
local function take(run, wait)
  while true do
    local kind, value, arguments = call.step(run, wait)
    if kind == "event" then return value, "running" end
    if kind == "pending" then return nil, "running" end
    if kind == "ended" then return nil, "ended" end
    answer(run, call.tools(run)[value], arguments)
  end
end

-- Waits for the end of an operation.
local function finish(run)
  local state
  repeat
    local _
    _, state = take(run, SLICE)
  until state == "ended"
  return call.outcome(run)
end

local Run = {}

function Run.step(run) return take(run, 0) end

function Run.events(run)
  call.tools(run) -- refuses what is not a run here, not at the first iteration
  return function()
    while true do
      local event, state = take(run, SLICE)
      if event or state == "ended" then return event end
    end
  end
end

function Run.result(run) return finish(run) end

function Run.cancel(run) return call.cancel(run) end

function Run.fd(run) return call.fd(run) end

local Agent = {}

function Agent.start(agent, input, options) return call.start(agent, input, options) end

function Agent.run(agent, input, options) return finish(call.start(agent, input, options)) end

local Collection = {}

function Collection.ingest(collection, path, options)
  return finish(call.ingest(collection, path, options))
end

function Collection.search(collection, query, options)
  return finish(call.search(collection, query, options))
end

function Collection.documents(collection) return finish(call.documents(collection)) end

local Spec = {}

function Spec.check(spec) return call.check(spec) end

function Spec.render(spec, format) return call.render(spec, format) end

function Spec.diff(spec, other) return call.diff(spec, other) end

function Spec.to_table(spec) return call.to_table(spec) end

local Specs = {}

function Specs.save(specs, spec, options) return finish(call.specs_save(specs, spec, options)) end

function Specs.get(specs, reference) return finish(call.specs_get(specs, reference)) end

function Specs.load(specs, reference) return finish(call.specs_load(specs, reference)) end

function Specs.list(specs, options) return finish(call.specs_list(specs, options)) end

function Specs.history(specs, agent_id) return finish(call.specs_history(specs, agent_id)) end

function Specs.diff(specs, before, after) return finish(call.specs_diff(specs, before, after)) end

function Specs.promote(specs, reference, options)
  return finish(call.specs_promote(specs, reference, options))
end

function Specs.deprecate(specs, reference, options)
  return finish(call.specs_deprecate(specs, reference, options))
end

function Specs.retire(specs, reference, options)
  return finish(call.specs_retire(specs, reference, options))
end

function Specs.delete(specs, reference, options)
  return finish(call.specs_delete(specs, reference, options))
end

function Specs.export(specs, options) return finish(call.specs_export(specs, options)) end

function Specs.import(specs, bundle, options)
  return finish(call.specs_import(specs, bundle, options))
end

local Kernel = {}

function Kernel.tool(kernel, tool)
  return call.tool(kernel, tool, type(tool) == "table" and tool.run or nil)
end

function Kernel.model(kernel, model)
  return call.model(kernel, model, type(model) == "table" and model.chat or nil)
end

function Kernel.agent(kernel, reference, options) return finish(call.agent(kernel, reference, options)) end

function Kernel.check(kernel, spec) return finish(call.check_in(kernel, spec)) end

function Kernel.collection(kernel, name) return call.collection(kernel, name) end

function Kernel.call_tool(kernel, name, arguments) return finish(call.call_tool(kernel, name, arguments)) end

function Kernel.run_events(kernel, run_id) return finish(call.run_events(kernel, run_id)) end

function Kernel.usage(kernel, options) return finish(call.usage(kernel, options)) end

function Kernel.backup(kernel, path) return finish(call.backup(kernel, path)) end

function Kernel.config(kernel, spec) return call.config(kernel, spec) end

function Kernel.close(kernel) return finish(call.close(kernel)) end

local Admin = {}

-- One method for each operation of an administrator.
for name, native_name in pairs(native.administration) do
  local func = call[native_name]
  Admin[name] = function(...)
    local result = finish(func(...))
    -- An operation that gives nothing returns nothing, as in any Lua library.
    if result ~= native.null then return result end
  end
end

function Admin.close(admin) return finish(call.close_admin(admin)) end

local aikit = { version = native.version, null = native.null }

function aikit.open(options) return finish(call.open(options)) end

function aikit.open_admin(options) return finish(call.open_admin(options)) end

function aikit.parse_spec(text, options) return call.parse_spec(text, options) end

function aikit.load_spec(path) return call.load_spec(path) end

function aikit.diagnose(text, options) return call.diagnose(text, options) end

function aikit.edit_spec(text, pointer, value) return call.edit_spec(text, pointer, value) end

function aikit.import_spec(text, options) return call.import_spec(text, options) end

function aikit.spec_schema() return call.spec_schema() end

function aikit.json_encode(value) return call.json_encode(value) end

function aikit.json_decode(text) return call.json_decode(text) end

function aikit.array(table) return call.array(table) end

return aikit, {
  Kernel = Kernel, Agent = Agent, Run = Run, Collection = Collection, Spec = Spec, Specs = Specs,
  Admin = Admin,
}
