---@meta aikit
-- Annotations for the Lua language server: add this folder to `workspace.library`.
-- spec/types_spec.lua holds it against the module.

---Every function of aikit raises an `aikit.Error` when it fails.
---@class aikit
---@field version string The version of aikit.
---@field null lightuserdata JSON's null, inside tables; `cjson.null` is the same value.
local aikit = {}

---@alias aikit.json nil|boolean|number|string|table|lightuserdata

---@class aikit.OpenOptions
---@field location? string A SQLite file; without it, a store in memory.
---@field tenant? string A slug; "default" without it.
---@field providers? table<string, aikit.Provider>

---@class aikit.Provider
---@field base_url string
---@field api_key? string

---Opens a kernel.
---@param options? aikit.OpenOptions
---@return aikit.Kernel
function aikit.open(options) end

---Reads a spec from YAML or JSON text. Starts nothing.
---@param text string
---@return aikit.Spec
function aikit.parse_spec(text) end

---Reads a spec from a file.
---@param path string
---@return aikit.Spec
function aikit.load_spec(path) end

---Writes a value as JSON. An empty table is an object; see `aikit.array`.
---@param value aikit.json
---@return string
function aikit.json_encode(value) end

---Reads a JSON text. `null` becomes `aikit.null`.
---@param text string
---@return aikit.json
function aikit.json_decode(text) end

---Marks a table as an array, so that it is one in JSON also when it is empty.
---@generic T
---@param table? T[]
---@return T[]
function aikit.array(table) end

---What every failing call raises. `tostring(err)` says all in a line.
---@class aikit.Error
---@field code string A stable word, for instance "spec_invalid".
---@field message string
---@field retryable boolean Whether the same call may succeed later.
---@field path? string A file, or a JSON pointer.
---@field line? integer
---@field column? integer
---@field hint? string What to do about it.
---@field cause? string What lay beneath, for instance a tool's traceback.
---@field diagnostics? aikit.Diagnostic[] All findings in a spec.
---@field where? string The line of Lua that made the call.

---@class aikit.Diagnostic
---@field code string For instance "AK1002".
---@field severity "error"|"warning"
---@field message string
---@field path string A JSON pointer.
---@field line integer
---@field column integer
---@field hint? string

---@class aikit.Spec
---@field agent_id string
---@field name string
---@field version string
---@field model string
local Spec = {}

---The warnings of the spec.
---@return aikit.Diagnostic[]
function Spec:check() end

---The spec as a plain table.
---@return table
function Spec:to_table() end

---Close it, or declare it `<close>` in Lua 5.4.
---@class aikit.Kernel
---@field tenant string
local Kernel = {}

---@class aikit.Tool
---@field name string
---@field description string
---@field parameters? table A JSON Schema of an object; without it, no arguments.
---@field timeout_ms? integer 30000 without it.
---@field run fun(arguments: table): any, any Gives the result, or nil and a message; may raise.

---Registers a tool. It runs on the thread that waits for the run, and cannot yield.
---@param tool aikit.Tool
function Kernel:tool(tool) end

---Makes an agent from a spec, or from the path of one.
---@param reference aikit.Spec|string
---@param options? { model?: string }
---@return aikit.Agent
function Kernel:agent(reference, options) end

---The collection of this name; it need not exist yet.
---@param name string
---@return aikit.Collection
function Kernel:collection(name) end

---Calls a registered tool.
---@param name string
---@param arguments? table
---@return aikit.json
function Kernel:call_tool(name, arguments) end

---The events that the store keeps of a run.
---@param run_id string
---@return aikit.Event[]
function Kernel:run_events(run_id) end

---Closes the store and cancels what is under way. May be repeated.
function Kernel:close() end

---@class aikit.Collection
---@field name string
local Collection = {}

---Takes in a file or a folder.
---@param path string
---@param options? { embedding_model?: string }
---@return aikit.Report
function Collection:ingest(path, options) end

---@param query string
---@param options? { top_k?: integer, embedding_model?: string }
---@return aikit.Passage[]
function Collection:search(query, options) end

---@return { source: string, title: string, chunks: integer, bytes: integer }[]
function Collection:documents() end

---@class aikit.Report
---@field added integer
---@field updated integer
---@field unchanged integer
---@field removed integer
---@field chunks integer
---@field skipped { path: string, code: string, reason: string }[]

---@class aikit.Passage
---@field source string
---@field title string
---@field text string
---@field score number
---@field chunk integer
---@field start_line integer

---@class aikit.Agent
---@field agent_id string
---@field name string
---@field version string
---@field model string
local Agent = {}

---@class aikit.RunOptions
---@field run_id? string
---@field max_turns? integer
---@field timeout_ms? integer

---Runs to the end. A cancelled run has the status "cancelled"; a failed one raises.
---@param input string
---@param options? aikit.RunOptions
---@return aikit.Result
function Agent:run(input, options) end

---Starts a run.
---@param input string
---@param options? aikit.RunOptions
---@return aikit.Run
function Agent:start(input, options) end

---A run under way. Dropping it cancels it, as does the end of its scope if it is `<close>`.
---@class aikit.Run
local Run = {}

---Iterates over the events, waiting for each. Ends without an error; ask `result`.
---@return fun(): aikit.Event?
function Run:events() end

---The next event if there is one now, else nil; then whether the run is still "running".
---@return aikit.Event? event
---@return "running"|"ended" state
function Run:step() end

---Waits for the end and gives the result, also when asked again.
---@return aikit.Result
function Run:result() end

---Stops the run; it ends soon after, with what it has.
function Run:cancel() end

---A descriptor that is readable while `step` has something. Watch it only; it is the run's.
---@return integer
function Run:fd() end

---@class aikit.Result
---@field run_id string
---@field status "finished"|"cancelled"
---@field text string
---@field citations aikit.Citation[]
---@field usage { input_tokens: integer, output_tokens: integer, total_tokens: integer }
---@field turns integer
---@field finish_reason string
---@field model string

---@class aikit.Citation
---@field marker string For instance "[1]".
---@field source string
---@field title string
---@field text string
---@field start_line integer

---@class aikit.Event
---@field type string The other fields depend on it.
---@field run_id string
---@field seq integer From 0, without gaps.
---@field text? string
---@field name? string
---@field arguments? any
---@field result? any
---@field error? aikit.Error

return aikit
