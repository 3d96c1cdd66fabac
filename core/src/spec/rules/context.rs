//! Codes that a kernel gives: what it lacks, or what its tenant may not do.

use super::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::error(
        "AK3001",
        "the spec of another tenant",
        "A spec with `identity.tenant_id` runs for that tenant only.",
        "identity: {agent_id: helper, tenant_id: globex}\nmodel: openai/gpt-4o-mini\n",
        "identity: {agent_id: helper, tenant_id: acme}\nmodel: openai/gpt-4o-mini\n",
    )
    .kernel(r#"{"tenant": "acme", "providers": {"openai": {"api_key": "example"}}}"#),
    Rule::error(
        "AK3002",
        "a tool that is not registered",
        "No tool of that name is built in or was registered with the kernel before.",
        "agent: helper\nmodel: openai/gpt-4o-mini\ntools: [calculater]\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\ntools: [calculator]\n",
    ),
    Rule::error(
        "AK3003",
        "a tool that is not permitted",
        "The tenant's policy or the spec's own rules forbid it; the message says which rule.",
        "agent: helper\nmodel: openai/gpt-4o-mini\ntools: [calculator]\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\ntools: [datetime]\n",
    )
    .kernel(r#"{"policy": {"allowed_tools": ["datetime"]}, "providers": {"openai": {"api_key": "example"}}}"#),
    Rule::error(
        "AK3004",
        "more than the tenant's quota",
        "The spec asks for more than the tenant may have.",
        "agent: helper\nmodel: openai/gpt-4o-mini\ngovernance: {security: {resource_limits: {max_storage_mb: 5000}}}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\ngovernance: {security: {resource_limits: {max_storage_mb: 500}}}\n",
    )
    .kernel(r#"{"policy": {"quotas": {"max_storage_mb": 1000}}, "providers": {"openai": {"api_key": "example"}}}"#),
    Rule::error(
        "AK3005",
        "a secret or a variable that is not there",
        "An environment variable or a file that the spec refers to does not exist here.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: \"You help people in {{ env.AIKIT_EXAMPLE_REGION }}.\"\n\
         governance: {security: {allowed_env: [AIKIT_EXAMPLE_REGION]}}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: \"You help people in {{ env.PATH }}.\"\n\
         governance: {security: {allowed_env: [PATH]}}\n",
    ),
    Rule::error(
        "AK3006",
        "a collection that does not exist",
        "The agent runs, and finds nothing there until something is put in.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nknowledge: [handbook]\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\n",
    )
    .warning(),
    Rule::error(
        "AK3007",
        "a provider that nobody knows",
        "Neither aikit nor the kernel's `providers` know where this provider's models are.",
        "agent: helper\nmodel: opnai/gpt-4o-mini\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\n",
    ),
    Rule::error(
        "AK3008",
        "no model, and no default",
        "The spec names no model, and the kernel was opened without a `default_model`.",
        "agent: helper\nprompt: Be kind.\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: Be kind.\n",
    ),
    Rule::error(
        "AK3009",
        "something that this version cannot do",
        "The agent would not do its work without it, so none is made.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nworkflow: {steps: [{id: draft, prompt: Write.}]}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nprompt: Write.\n",
    ),
    Rule::error(
        "AK3010",
        "a back end that the kernel does not have",
        "Memory is kept in the kernel's own store, and that is another one.",
        "agent: helper\nmodel: openai/gpt-4o-mini\nmemory: {enabled: true, backend: postgresql}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\nmemory: {enabled: true, backend: sqlite}\n",
    ),
    Rule::error(
        "AK3011",
        "an agent that is not in the repository",
        "The agent could not hand over to it.",
        "agent: helper\nmodel: openai/gpt-4o-mini\ndelegation: {enabled: true, allowed_agents: [expert]}\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\n",
    )
    .warning(),
    Rule::error(
        "AK3012",
        "a registered tool that the provider cannot take",
        "The tool's own schema has what cannot be compiled for this provider.",
        "agent: helper\nmodel: anthropic/claude-sonnet-4-5\ntools: [nested]\n",
        "agent: helper\nmodel: openai/gpt-4o-mini\ntools: [calculator]\n",
    )
    .kernel(r#"{"providers": {"anthropic": {"base_url": "http://127.0.0.1:9"},
        "openai": {"api_key": "example"}}}"#),
    Rule::error(
        "AK3013",
        "no key for the model's provider",
        "The provider takes no calls without a key, and none is known. Keys never stand in a spec: \
         they are given when the kernel is opened, or in the environment.",
        "agent: helper\nmodel: openai/gpt-4o-mini\n",
        "agent: helper\nmodel: scripted/hello\nscript: [{text: Hello}]\n",
    )
    .warning()
    .kernel(r#"{"providers": {"openai": {"base_url": "https://api.openai.com/v1"}}}"#),
    Rule::error(
        "AK3014",
        "a budget of money and a model without a price",
        "What the model uses costs nothing as far as aikit knows, so the budget never ends. Give the \
         model a price under `prices` of the profile or the tenant's configuration, or a budget of \
         tokens.",
        "agent: helper\nmodel: house/large\ngovernance: {budget: {cost_usd_per_run: 0.5}}\n",
        "agent: helper\nmodel: house/large\ngovernance: {budget: {tokens_per_run: 50000}}\n",
    )
    .warning()
    .kernel(r#"{"providers": {"house": {"base_url": "http://127.0.0.1:9"}}}"#),
];
