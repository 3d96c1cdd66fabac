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
---@field location? string A SQLite file, or the URL of a PostgreSQL database; without it, a store in memory.
---@field tenant? string A slug; "default" without it.
---@field reader? string The tenant above that reads this one's data; the kernel then only reads.
---@field profile? string The path of a TOML file with settings for everybody on this machine.
---@field rls? boolean Whether a PostgreSQL role that could leave its tenant is refused; true without it.
---@field providers? table<string, aikit.Provider>
---@field actor? string Who acts, for the history of specs.
---@field default_model? string `provider/model` for specs that name none.
---@field policy? aikit.Policy What the tenant may do.

---@class aikit.Provider
---@field base_url? string
---@field api_key? string
---@field headers? table<string, string> That go with each request, as gateways want them; secrets, as the key is.
---@field wire? string The protocol, of a provider that aikit does not know.
---@field api_version? string
---@field first_byte_ms? integer
---@field between_chunks_ms? integer
---@field total_ms? integer For a whole answer, with all attempts.
---@field max_retries? integer Attempts after the first one; 2 without it.
---@field requests_per_minute? integer Of one tenant, key and model, as the next two.
---@field tokens_per_minute? integer
---@field concurrent_requests? integer
---@field cassette? string The path of a file of recorded exchanges.
---@field folder? string Of `local`, as what follows: the folder of models.
---@field threads? integer That compute; one for each core without it, at most 16.
---@field context_tokens? integer Of a conversation with its answer; 8192 without it.
---@field cache_mb? integer Memory for conversations; 1024 without it.
---@field idle_s? integer Seconds that a model which nobody uses stays in memory; 600 without it.

---@class aikit.Policy
---@field allowed_tools? string[] If given, only these; none at all is `aikit.array({})`.
---@field denied_tools? string[] Never these; wins.
---@field quotas? aikit.Quotas

---What a tenant may have and use at most.
---@class aikit.Quotas
---@field max_specs? integer Versions in the repository.
---@field max_documents? integer
---@field max_vectors? integer
---@field max_concurrent_executions? integer
---@field max_memory_mb? integer
---@field max_cpu_percent? integer
---@field max_storage_mb? integer
---@field requests_per_minute? integer
---@field llm_tokens_per_day? integer
---@field cost_limit_usd_per_day? number

---Opens a kernel.
---@param options? aikit.OpenOptions
---@return aikit.Kernel
function aikit.open(options) end

---Opens a store for administration.
---@param options aikit.AdminOptions
---@return aikit.Admin
function aikit.open_admin(options) end

---@class aikit.AdminOptions
---@field location? string As in `aikit.OpenOptions`; else the profile's `store`.
---@field actor? string Who acts, for the audit log; else the profile's.
---@field profile? string

---Reads a spec from YAML or JSON text. Starts nothing. `base` is the folder whose files the text
---may extend.
---@param text string
---@param options? { base?: string }
---@return aikit.Spec
function aikit.parse_spec(text, options) end

---Reads a spec from a file, which may extend the files beside it.
---@param path string
---@return aikit.Spec
function aikit.load_spec(path) end

---Everything that can be said of a text, at once; a bad spec raises nothing here. As diagnostics,
---as those of the Language Server Protocol, or as a text for terminals, in which it is called `file`.
---@param text string
---@param options? { base?: string, format?: "json", file?: string }
---@return aikit.Diagnostic[]
---@overload fun(text: string, options: { format: "lsp", base?: string, file?: string }): aikit.LspDiagnostic[]
---@overload fun(text: string, options: { format: "text", base?: string, file?: string }): string
function aikit.diagnose(text, options) end

---The text with one value set; everything else, comments too, stays as it was.
---@param text string
---@param pointer string A JSON pointer into the text as it stands, for instance "/model".
---@param value aikit.json Not nil; `aikit.null` is null.
---@return string
function aikit.edit_spec(text, pointer, value) end

---Reads another framework's document. Without `from` the format is recognised.
---@param text string
---@param options? { from?: aikit.Neighbour, file?: string }
---@return aikit.Imported
function aikit.import_spec(text, options) end

---The JSON Schema of specs.
---@return table
function aikit.spec_schema() end

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
---@field status? integer HTTP status of a model provider's answer.
---@field request_id? string The model provider's id of the exchange.
---@field retry_after? number Seconds that a model provider asked to wait.
---@field diagnostics? aikit.Diagnostic[] All findings in a spec.
---@field where? string The line of Lua that made the call.

---@class aikit.Diagnostic
---@field code string For instance "AK1002".
---@field severity "error"|"warning"|"info"
---@field message string
---@field path string A JSON pointer.
---@field line integer From 1.
---@field column integer From 1, in characters.
---@field end_line integer
---@field end_column integer Behind the last character.
---@field file? string The extended file that it stands in, if it is not the text itself.
---@field hint? string

---As the Language Server Protocol has them: lines and characters (UTF-16) from 0.
---@class aikit.LspDiagnostic
---@field range { start: aikit.LspPosition, end: aikit.LspPosition }
---@field severity integer 1 error, 2 warning, 3 information.
---@field code string
---@field source string
---@field message string
---@field data { path: string, hint: string|lightuserdata }

---@alias aikit.LspPosition { line: integer, character: integer }

---@alias aikit.Neighbour
---| "oracle"
---| "open-agent-spec"
---| "docker-agent"
---| "adl"
---| "google-adk"
---| "agent-framework"
---| "crewai"

---What an import from another framework gives.
---@class aikit.Imported
---@field format aikit.Neighbour
---@field specs { name: string, text: string }[]
---@field report aikit.ImportedLeaf[] Every leaf of the source, exactly once.

---@class aikit.ImportedLeaf
---@field kind "kept"|"changed"|"lost"
---@field path string Its JSON pointer in the source.
---@field to? string Where it stands now.
---@field note? string How it was changed, or why it was lost.

---@class aikit.Spec
---@field agent_id string
---@field name string As it is written; `agent.name` has its template filled.
---@field version string
---@field model string Empty if the spec names none.
---@field hash string "sha256:" and 64 digits: equal for texts that mean the same.
---@field text string As it was written; written out in full if it extends others.
local Spec = {}

---The warnings of the spec; `kernel:check` says more.
---@return aikit.Diagnostic[]
function Spec:check() end

---The spec written out: the full document as YAML or JSON, or in another framework's format.
---@param format "yaml"|"json"|"oracle"|"a2a"
---@return string
function Spec:render(format) end

---What changes from this spec to the other.
---@param other aikit.Spec
---@return aikit.Change[]
function Spec:diff(other) end

---The spec as a plain table.
---@return table
function Spec:to_table() end

---One difference between two specs.
---@class aikit.Change
---@field path string A JSON pointer into the full document; items with a name by their name.
---@field kind "added"|"removed"|"changed"
---@field before? aikit.json
---@field after? aikit.json

---The spec repository of a kernel's tenant. A version is a draft, then active, deprecated, retired.
---A reference is "id@version", or "id" for the active version where one is read.
---@class aikit.Specs
local Specs = {}

---Keeps a new draft, or, with the hash of the draft that is there as `replaces`, another content
---for it. Raises "spec_conflict" when the version is there, "spec_immutable" when it is no draft.
---@param spec aikit.Spec
---@param options? { by?: string, why?: string, replaces?: string }
---@return aikit.SpecRecord
function Specs:save(spec, options) end

---Raises "spec_not_found".
---@param reference string
---@return aikit.SpecRecord
function Specs:get(reference) end

---Raises "spec_not_found" and "spec_retired".
---@param reference string
---@return aikit.Spec
function Specs:load(reference) end

---A page of versions, in the order of id and version. All that is given must hold.
---@param options? aikit.ListOptions
---@return aikit.SpecPage
function Specs:list(options) end

---Every change of an agent's versions, oldest first. Raises "spec_not_found".
---@param agent_id string
---@return aikit.HistoryEntry[]
function Specs:history(agent_id) end

---What changes from one version to the other.
---@param before string
---@param after string
---@return aikit.Change[]
function Specs:diff(before, after) end

---Makes a draft or a deprecated version the active one; the one before is deprecated. Agents that
---were made before keep theirs. Raises "spec_state" when it is active or retired.
---@param reference string
---@param options? aikit.ChangeOptions
---@return aikit.SpecRecord
function Specs:promote(reference, options) end

---Deprecates the active version. `sunset` is an RFC 3339 time or a date; `successor` a version of
---the agent, or another "id@version". Raises "spec_state" when it is not active.
---@param reference string
---@param options? { by?: string, why?: string, sunset?: string, successor?: string }
---@return aikit.SpecRecord
function Specs:deprecate(reference, options) end

---Retires a deprecated version: it makes no agents any more. Raises "spec_state" for others.
---@param reference string
---@param options? aikit.ChangeOptions
---@return aikit.SpecRecord
function Specs:retire(reference, options) end

---Removes a draft; its history stays. Raises "spec_immutable" for others.
---@param reference string
---@param options? aikit.ChangeOptions
function Specs:delete(reference, options) end

---Versions with their states and history, of one agent or of all.
---@param options? { agent_id?: string }
---@return aikit.Bundle
function Specs:export(options) end

---Takes a bundle in, all or nothing. Raises "spec_conflict" when a version is there already, unless
---`on_conflict` is "skip".
---@param bundle aikit.Bundle
---@param options? { by?: string, why?: string, on_conflict?: "fail"|"skip" }
---@return { imported: string[], skipped: string[] }
function Specs:import(bundle, options) end

---@class aikit.ChangeOptions
---@field by? string Who; else the kernel's `actor`.
---@field why? string

---@class aikit.ListOptions
---@field status? aikit.SpecStatus
---@field tag? string
---@field text? string Words of the id, name, description or tags.
---@field agent_id? string
---@field limit? integer 1 to 500; 50 without it.
---@field after? string|lightuserdata `next` of the page before.

---@alias aikit.SpecStatus "draft"|"active"|"deprecated"|"retired"

---A version in the repository. What is not there is `aikit.null`.
---@class aikit.SpecRecord
---@field agent_id string
---@field version string
---@field status aikit.SpecStatus
---@field hash string
---@field name string
---@field description string|lightuserdata
---@field tags string[]
---@field model string|lightuserdata
---@field created_at string RFC 3339, UTC.
---@field created_by string|lightuserdata
---@field updated_at string
---@field sunset string|lightuserdata When it is to be retired.
---@field successor string|lightuserdata "id@version" of what to use instead.
---@field document? table The full document; not in lists.
---@field text? string Not in lists.

---@class aikit.SpecPage
---@field specs aikit.SpecRecord[] Without `document` and `text`.
---@field next string|lightuserdata For `after`; `aikit.null` on the last page.

---One change of a version. What is not there is `aikit.null`.
---@class aikit.HistoryEntry
---@field seq integer From 1, for each agent.
---@field agent_id string
---@field version string
---@field change "saved"|"replaced"|"promoted"|"deprecated"|"retired"|"deleted"|"imported"
---@field from aikit.SpecStatus|lightuserdata
---@field to aikit.SpecStatus|lightuserdata
---@field at string
---@field by string|lightuserdata
---@field why string|lightuserdata
---@field hash string

---@class aikit.Bundle
---@field format string
---@field specs aikit.SpecRecord[]
---@field history aikit.HistoryEntry[]

---Close it, or declare it `<close>` in Lua 5.4.
---@class aikit.Kernel
---@field tenant string
---@field specs aikit.Specs The spec repository.
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

---A message of a conversation, as a model's `chat` is given it.
---@class aikit.ChatMessage
---@field role "system"|"user"|"assistant"|"tool"
---@field content string
---@field reasoning? string What the model thought before it said this.
---@field tool_calls? { id: string, name: string, arguments: any }[] A text where it was not JSON.
---@field tool_call_id? string Of a result: the call.
---@field name? string Of a result: the tool.
---@field is_error? boolean Of a result: whether the tool failed.
---@field images? { media_type: string, data?: string, url?: string }[] `data` is base64.

---What is asked of a model; what is not set is nil.
---@class aikit.ChatRequest
---@field model string `host/NAME`.
---@field messages aikit.ChatMessage[]
---@field tools { name: string, description: string, parameters: table }[]
---@field tool_choice "auto"|"required"|"none"
---@field parallel_tool_calls boolean
---@field temperature? number
---@field top_p? number
---@field max_tokens? integer
---@field stop? string[]
---@field seed? integer
---@field reasoning_effort? string
---@field output_schema? table The answer's text is to be JSON of this schema.
---@field provider_options? table

---What a model answers; it has `text` or `tool_calls`.
---@class aikit.ChatAnswer
---@field text? string
---@field reasoning? string What it thought before.
---@field tool_calls? { name: string, arguments?: table|string, id?: string }[]
---@field usage? { input_tokens?: integer, output_tokens?: integer, cached_input_tokens?: integer, cache_write_tokens?: integer, reasoning_tokens?: integer }
---@field finish_reason? string

---@class aikit.Model
---@field name string A slug: specs name the model `host/NAME`.
---@field timeout_ms? integer 120000 without it.
---@field chat fun(request: aikit.ChatRequest): (aikit.ChatAnswer|string|nil), string? Gives the answer, or nil and a message; may raise.

---Registers a function that answers in the place of a model. It runs on the thread that waits for the
---run, and cannot yield.
---@param model aikit.Model
function Kernel:model(model) end

---Makes an agent from a spec, from the path of one (it has a "/" or ends in .yaml, .yml or .json),
---or from the repository: "id" for the active version, or "id@version".
---@param reference aikit.Spec|string
---@param options? { model?: string }
---@return aikit.Agent
function Kernel:agent(reference, options) end

---Everything that can be said of a spec in this kernel: its tools, policy, tenant and collections.
---@param spec aikit.Spec
---@return aikit.Diagnostic[]
function Kernel:check(spec) end

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

---What the tenant has, and what it did on the last `days` days on which it did something.
---@param options? { days?: integer } 30 without it.
---@return aikit.Usage
function Kernel:usage(options) end

---Copies the store with all of its tenants into a new file while it is in use. SQLite only.
---@param path string
function Kernel:backup(path) end

---Every setting that holds here, or for the agents of a spec, with its source. Secrets are shown as
---what they were given by.
---@param spec? aikit.Spec
---@return aikit.Setting[]
function Kernel:config(spec) end

---Closes the store and cancels what is under way. May be repeated.
function Kernel:close() end

---@class aikit.Collection
---@field name string
local Collection = {}

---Takes in a file or a folder.
---@param path string
---@param options? { embedding_model?: string, strategy?: "keyword"|"vector"|"hybrid" }
---@return aikit.Report
function Collection:ingest(path, options) end

---@param query string
---@param options? { top_k?: integer, embedding_model?: string, strategy?: "keyword"|"vector"|"hybrid" }
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
---@field name string For people; its template is filled.
---@field version string
---@field model string
local Agent = {}

---@class aikit.RunOptions
---@field run_id? string
---@field max_turns? integer
---@field timeout_ms? integer
---@field tokens_per_run? integer In place of the spec's budget, as the next one.
---@field cost_usd_per_run? number
---@field inputs? table<string, aikit.json> Values for the templates of the prompts.
---@field images? aikit.Image[] Pictures that go with the input.
---@field output_schema? table JSON Schema that `result.output` fits, in place of the spec's.

---@class aikit.Image
---@field data? string Its bytes as base64.
---@field url? string An address, which the provider fetches.
---@field media_type? string Default: what the bytes are.

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
