//! Codes that the document gives by what it says of itself.

use super::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::error(
        "AK2001",
        "a setting that has no effect",
        "It can stand, and another setting makes it say nothing.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nscript: [{text: Hello}]\n",
        "agent: helper\nmodel: scripted/hello\nscript: [{text: Hello}]\n",
    )
    .warning(),
    Rule::error(
        "AK2002",
        "no model is named",
        "The agent runs only where the kernel was opened with a `default_model`.",
        "agent: helper\nprompt: Be kind.\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: Be kind.\n",
    )
    .warning(),
    Rule::error(
        "AK2003",
        "a reference to something that the spec does not have",
        "A step, a tool or an entry is named that is nowhere in the spec.",
        "agent: writer\nmodel: openai/gpt-4o-mini\nworkflow:\n  steps:\n    - {id: draft, prompt: Write.}\n    \
         - {id: review, prompt: Review., depends_on: [drafts]}\n",
        "agent: writer\nmodel: openai/gpt-4o-mini\nworkflow:\n  steps:\n    - {id: draft, prompt: Write.}\n    \
         - {id: review, prompt: Review., depends_on: [draft]}\n",
    ),
    Rule::error(
        "AK2004",
        "steps that wait for each other",
        "No order exists in which they could run.",
        "agent: writer\nmodel: openai/gpt-4o-mini\nworkflow:\n  steps:\n    \
         - {id: draft, prompt: Write., depends_on: [review]}\n    \
         - {id: review, prompt: Review., depends_on: [draft]}\n",
        "agent: writer\nmodel: openai/gpt-4o-mini\nworkflow:\n  steps:\n    - {id: draft, prompt: Write.}\n    \
         - {id: review, prompt: Review., depends_on: [draft]}\n",
    ),
    Rule::error(
        "AK2005",
        "a step that is never reached",
        "From the `entry`, no chain of `depends_on` leads to it.",
        "agent: writer\nmodel: openai/gpt-4o-mini\nworkflow:\n  entry: draft\n  steps:\n    \
         - {id: draft, prompt: Write.}\n    - {id: review, prompt: Review., depends_on: [draft]}\n    \
         - {id: alone, prompt: Wait.}\n",
        "agent: writer\nmodel: openai/gpt-4o-mini\nworkflow:\n  entry: draft\n  steps:\n    \
         - {id: draft, prompt: Write.}\n    - {id: review, prompt: Review., depends_on: [draft]}\n    \
         - {id: alone, prompt: Wait., depends_on: [review]}\n",
    )
    .warning(),
    Rule::error(
        "AK2006",
        "a template that cannot be read",
        "Templates fill in names and ask conditions; they do not compute, call or assign. Braces \
         that are meant go between `{% raw %}` and `{% endraw %}`.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: \"You help {{ tenant_id | upper }}.\"\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: \"You help {{ tenant_id }}.\"\n",
    ),
    Rule::error(
        "AK2007",
        "a name in a template that has no value",
        "Names are `tenant_id`, `agent_id`, `version`, `env.NAME` (of those in \
         `governance.security.allowed_env`), and in prompts `input`, `inputs.NAME` (of \
         `interface.input_schema`) and `prompts.NAME`.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: \"You help {{ inputs.customer }}.\"\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: \"You help {{ inputs.customer }}.\"\n\
         interface:\n  input_schema: {type: object, properties: {customer: {type: string}}}\n",
    ),
    Rule::error(
        "AK2008",
        "a back end that is elsewhere than it says",
        "The location is none of the back end's, or a part needs another back end.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nmemory: {backend: postgresql, location: \"sqlite://memory.db\"}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nmemory: {backend: sqlite, location: \"sqlite://memory.db\"}\n",
    ),
    Rule::error(
        "AK2009",
        "a schema of a tool that the provider cannot take",
        "Providers take different parts of JSON Schema. aikit compiles a tool's schema for its \
         provider and maps the calls back, but a reference that is only known at the call cannot be \
         written out for a provider that takes none.",
        "agent: helper\nmodel: anthropic/claude-sonnet-4-5\ntools:\n  - name: find\n    parameters:\n      \
         type: object\n      $dynamicAnchor: node\n      properties: {inner: {$dynamicRef: '#node'}}\n",
        "agent: helper\nmodel: anthropic/claude-sonnet-4-5\ntools:\n  - name: find\n    parameters:\n      \
         type: object\n      properties: {inner: {$ref: '#'}}\n",
    ),
    Rule::error(
        "AK2010",
        "a JSON Schema that is none",
        "Input and output schemas, state schemas and tool parameters are JSON Schemas of draft \
         2020-12.",
        "agent: helper\nmodel: openai/gpt-4o-mini\ninterface:\n  input_schema: {type: object, properties: {age: {type: numbr}}}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\ninterface:\n  input_schema: {type: object, properties: {age: {type: number}}}\n",
    ),
    Rule::error(
        "AK2011",
        "settings that contradict each other",
        "One limit does not fit within another, or one setting needs another that is not there.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nrag: {chunk_size: 500, chunk_overlap: 500}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nrag: {chunk_size: 500, chunk_overlap: 50}\n",
    ),
    Rule::error(
        "AK2012",
        "a name that is given twice",
        "Tools, collections, servers, mounts and steps are known by their names.",
        "agent: helper\nmodel: openai/gpt-4o-mini\ntools: [calculator, datetime, calculator]\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\ntools: [calculator, datetime]\n",
    ),
    Rule::error(
        "AK2013",
        "a tool that the spec names and forbids",
        "Denied wins: no agent can be made of the spec as it stands.",
        "agent: helper\nmodel: openai/gpt-4o-mini\ntools: [calculator]\ngovernance: {security: {denied_tools: [calculator]}}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\ntools: [calculator]\ngovernance: {security: {denied_tools: [shell]}}\n",
    )
    .warning(),
    Rule::error(
        "AK2014",
        "an older spelling",
        "It was understood; the message says as what.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nmemory: {backend: hnsw}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nmemory: {backend: sqlite}\n",
    )
    .info(),
    Rule::error(
        "AK2015",
        "a secret that stands in the spec",
        "Specs are stored, versioned and shared. Refer to the secret: `{env: NAME}` or `{file: PATH}`.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nmcp_servers:\n  - name: search\n    transport: http\n    \
         url: https://search.example/mcp\n    headers: {Authorization: Bearer 0123456789abcdef}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nmcp_servers:\n  - name: search\n    transport: http\n    \
         url: https://search.example/mcp\n    headers: {Authorization: {env: SEARCH_TOKEN}}\n",
    ),
    Rule::error(
        "AK2016",
        "a setting that this version does not act on yet",
        "It is kept, checked, versioned and exported, so that a spec can be complete today.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nstorage: {artifacts: {retention_days: 90}}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\n",
    )
    .info(),
];
