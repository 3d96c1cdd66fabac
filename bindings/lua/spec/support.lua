-- What the specs share: scripted agents, temporary files, and the error that a call raises.
local aikit = require("aikit")

local support = {}

-- Fails unless `func(...)` raises an aikit error; gives the error.
function support.raised(func, ...)
  local ok, err = pcall(func, ...)
  assert(not ok, "the call should have raised an error")
  assert(type(err) == "table" and err.code, "not an aikit error: " .. tostring(err))
  return err
end

-- A spec whose model plays `turns`, with these tools.
function support.spec(turns, tools, knowledge)
  return aikit.parse_spec(aikit.json_encode({
    identity = { agent_id = "scripted" },
    integration = tools and { tools = aikit.array(tools) },
    context_policy = knowledge and { knowledge = { { collection = knowledge } } },
    intelligence = { model = "scripted/test", script = turns },
  }))
end

-- An agent with such a spec on `kernel`.
function support.agent(kernel, turns, tools)
  return kernel:agent(support.spec(turns, tools))
end

-- Turns that call one tool and then answer `text`.
function support.calling(tool, arguments, text)
  return { { tool_calls = { { name = tool, arguments = arguments or {} } } }, { text = text or "done" } }
end

-- A turn that takes about `words * delay_ms`.
function support.slow(words, delay_ms)
  return { { text = ("word "):rep(words), delay_ms = delay_ms } }
end

-- A file with this content; its path.
function support.file(content)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

-- The events of a run to its end, and by type.
function support.events(run)
  local events, by_type = {}, {}
  for event in run:events() do
    events[#events + 1] = event
    by_type[event.type] = event
  end
  return events, by_type
end

-- Seconds of the wall clock, exact enough to bound a wait.
support.now = require("system").gettime

-- Seconds that what must come may take; only a failure waits for so long.
support.patience = 60

-- The shortest of a few times in seconds, measured until one is within the limit: what counts is how
-- fast the library is, not who else uses the machine.
function support.fastest(limit, measure)
  local best = math.huge
  for _ = 1, 5 do
    best = math.min(best, measure())
    if best < limit then break end
  end
  return best
end

return support
