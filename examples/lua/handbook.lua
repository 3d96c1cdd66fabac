-- Asks the handbook assistant: documents in, a tool of our own, an answer streamed with citations.
--
--   lua examples/lua/handbook.lua [--json] [spec] [documents] [question]
--
-- The spec names a scripted model, so this runs without any account. AIKIT_MODEL names another
-- one, for instance openai/gpt-4o-mini (with OPENAI_API_KEY set). --json adds a summary line.
-- CPU time of the whole process: plain Lua has no finer clock.
local before = os.clock()
local aikit = require("aikit")
local import_ms = (os.clock() - before) * 1000

local arguments, json = {}, false
for _, argument in ipairs(arg) do
  if argument == "--json" then json = true else arguments[#arguments + 1] = argument end
end
local spec_path = arguments[1] or "examples/specs/handbook.yaml"
local documents = arguments[2] or "examples/handbook"
local question = arguments[3]
  or "How many days of leave do I have left, and how many may I carry over?"

local kernel = aikit.open()
kernel:collection("handbook"):ingest(documents)

kernel:tool({
  name = "leave_balance",
  description = "The days of leave that an employee has left this year",
  parameters = {
    type = "object",
    properties = { employee = { type = "string" } },
    required = { "employee" },
  },
  run = function(args)
    return { employee = args.employee, days = 12 }
  end,
})

local agent = kernel:agent(spec_path, { model = os.getenv("AIKIT_MODEL") })

before = os.clock()
local run = agent:start(question)
local events = 0
for event in run:events() do
  events = events + 1
  if event.type == "text_delta" then
    io.write(event.text)
    io.flush()
  elseif event.type == "tool_started" then
    io.write("\n[", event.name, "]\n")
  end
end
local result = run:result()
local run_ms = (os.clock() - before) * 1000

print("\n")
local sources = aikit.array({})
for i, citation in ipairs(result.citations) do
  sources[i] = citation.source
  print(citation.marker .. " " .. citation.source)
end
print(("%d tokens in, %d out"):format(result.usage.input_tokens, result.usage.output_tokens))
kernel:close()

if json then
  print(aikit.json_encode({
    language = "Lua",
    answer = result.text,
    events = events,
    import_ms = import_ms,
    run_ms = run_ms,
    citations = sources,
  }))
end
