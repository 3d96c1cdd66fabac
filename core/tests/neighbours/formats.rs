//! What becomes of the samples of each format.

use aikit::error::Code;
use aikit::spec::neighbours::{Kind, import};
use serde_json::json;

use super::samples::read;
use super::{document, entry, kind, names};

#[test]
fn oracle_agents_keep_prompt_model_tools_and_interface() {
    let agent = import(&read("oracle-agent-25.4.1.yaml"), None, None).expect("an import");
    let spec = document(&agent, "garden-adviser");
    assert_eq!(spec["identity"]["name"], "Garden adviser");
    assert_eq!(spec["intelligence"]["model"], "openai-compatible/green-7b");
    assert_eq!(spec["intelligence"]["temperature"], 0.4);
    let prompt = spec["intelligence"]["system_prompt"].as_str().expect("a prompt");
    assert!(
        prompt.starts_with("You advise gardeners of {{ inputs.region }} in {{ inputs.month }}.")
    );
    assert!(prompt.contains("{% raw %}{{ a | b }}{% endraw %}"), "{prompt}");
    assert_eq!(spec["interface"]["input_schema"]["required"], json!(["region"]));
    assert_eq!(spec["interface"]["output_schema"]["properties"]["plants"]["type"], "array");
    assert_eq!(spec["integration"]["tools"][0]["name"], "Soil_report".to_lowercase());
    assert_eq!(
        spec["integration"]["tools"][0]["parameters"]["properties"]["place"]["type"],
        "string"
    );
    assert_eq!(kind(&agent, "/$referenced_components/model-1/api_key"), Kind::Lost);
    assert_eq!(kind(&agent, "/tools/1/sensitive_headers/Authorization"), Kind::Lost);
    assert_eq!(entry(&agent, "/description").to.as_deref(), Some("/identity/description"));

    let servers = import(&read("oracle-mcp-26.1.0.json"), None, None).expect("an import");
    let spec = document(&servers, "finder");
    assert_eq!(spec["intelligence"]["model"], "ollama/llama3.1");
    let list = spec["integration"]["mcp_servers"].as_array().expect("servers");
    assert_eq!(list[0]["url"], "https://words.test/mcp");
    assert_eq!(
        list[0]["headers"],
        json!({"X-Plan": "free", "Authorization": {"env": "WORDS_KEY"}})
    );
    assert_eq!(list[0]["tools"], json!(["lookup"]));
    assert_eq!(list[1]["env"], json!({"TOKEN": {"env": "FILES_TOKEN"}, "MODE": "ro"}));
    assert_eq!(list[1]["args"], json!(["--root", "/data"]));
    assert_eq!(spec["context_policy"]["compression"]["strategy"], "summarize");

    let old = import(&read("oracle-old-keys.yaml"), None, None).expect("an import");
    let spec = document(&old, "old-agent");
    assert_eq!(spec["intelligence"]["system_prompt"], "You are of the first days.\n");
    assert_eq!(kind(&old, "/$referenced_components/agent/tools/1/$ref"), Kind::Lost);
}

#[test]
fn oracle_flows_become_workflows_without_circles() {
    let flow = import(&read("oracle-flow-26.2.0.yaml"), None, None).expect("an import");
    assert_eq!(names(&flow), ["write-and-review", "Helper"]);
    let spec = document(&flow, "write-and-review");
    let steps = spec["behavior"]["workflow"]["steps"].as_array().expect("steps");
    let ids: Vec<&str> = steps.iter().filter_map(|s| s["id"].as_str()).collect();
    assert_eq!(ids, ["write-it", "judge-it", "publish-it", "ask-for-help"]);
    assert_eq!(
        steps[0]["prompt"],
        "Write about {{ inputs.topic }}. Keep {% raw %}{% this %}{% endraw %} as it is."
    );
    assert_eq!(steps[1]["depends_on"], json!(["write-it"]));
    assert_eq!(steps[1]["input"], json!({"text": "{{ state[\"write-it\"].text }}"}));
    assert_eq!(steps[2]["when"], "state[\"judge-it\"].verdict == \"yes\"");
    assert_eq!(steps[2]["tool"], "publish");
    assert_eq!(steps[3]["agent"], "Helper");
    assert!(steps[0].get("depends_on").is_none_or(|d| d == &json!([])), "the way back is left out");
    assert!(steps[0].get("when").is_none(), "its condition with it: {}", steps[0]);
    for leaf in ["id", "from_branch", "to_node/$component_ref"] {
        assert_eq!(
            kind(&flow, &format!("/control_flow_connections/4/{leaf}")),
            Kind::Lost,
            "{leaf}"
        );
        assert_eq!(
            kind(&flow, &format!("/control_flow_connections/3/{leaf}")),
            Kind::Changed,
            "{leaf}"
        );
    }
    assert_eq!(spec["behavior"]["orchestration"], "graph");
    assert_eq!(spec["intelligence"]["model"], "openai/gpt-4o-mini");

    let teams = import(&read("oracle-teams-26.1.2.yaml"), None, None).expect("an import");
    let allowed =
        |name: &str| document(&teams, name)["network"]["delegation"]["allowed_agents"].clone();
    assert_eq!(allowed("nurse"), json!(["doctor"]));
    assert_eq!(allowed("doctor"), json!(["nurse", "lab"]));
    assert_eq!(allowed("chief"), json!(["blood", "far-away"]));
    let blood = document(&teams, "blood");
    assert_eq!(
        blood["intelligence"]["system_prompt"],
        "Look closely.\n\nLook at {{ inputs.sample }}."
    );
}

#[test]
fn oa_tasks_become_steps_that_wait_for_each_other() {
    let pipeline = import(&read("oa-1.4-pipeline.yaml"), None, None).expect("an import");
    let spec = document(&pipeline, "report-pipeline");
    assert_eq!(spec["intelligence"]["model"], "openai/gpt-4o-mini");
    assert_eq!(spec["intelligence"]["system_prompt"], "You are careful.");
    assert_eq!(spec["behavior"]["orchestration"], "graph");
    let steps = spec["behavior"]["workflow"]["steps"].as_array().expect("steps");
    assert_eq!(
        steps[0]["prompt"],
        "You collect facts about {{ inputs.subject }}.\n\nFacts about {{ inputs.subject }}, as {\"facts\": []}"
    );
    assert_eq!(steps[1]["depends_on"], json!(["collect"]));
    assert_eq!(steps[1]["input"], json!({"facts": "{{ state.collect.facts }}"}));
    assert_eq!(steps[2]["agent"], "checker");
    assert_eq!(steps[2]["depends_on"], json!(["write", "collect"]));
    assert_eq!(spec["interface"]["input_schema"]["required"], json!(["subject"]));
    assert_eq!(kind(&pipeline, "/tasks/check/depends_on/2"), Kind::Lost);
    assert_eq!(kind(&pipeline, "/intelligence/config/openai_api_key"), Kind::Lost);
    assert_eq!(spec["observability"]["log_level"], "warn");

    let tools = import(&read("oa-1.6-tools.yaml"), None, None).expect("an import");
    let spec = document(&tools, "file-reader");
    assert_eq!(spec["intelligence"]["model"], "xai/grok-3");
    assert_eq!(spec["intelligence"]["system_prompt"], "You read files.");
    assert_eq!(
        spec["integration"]["mcp_servers"][0]["headers"]["Authorization"],
        json!({"env": "SEARCH_KEY"})
    );
    assert_eq!(spec["integration"]["mcp_servers"][0]["timeout_ms"], 20_000);
    assert_eq!(spec["governance"]["security"]["denied_tools"], json!(["shell"]));
    assert_eq!(spec["behavior"]["timeout_ms"], 45_000);

    let circle = import(&read("oa-cycle.yaml"), None, None).expect("an import");
    let lost = [
        "/tasks/a/depends_on/0",
        "/tasks/a/depends_on/1",
        "/tasks/b/depends_on/0",
        "/tasks/c/depends_on/0",
    ];
    let lost: Vec<Kind> = lost.iter().map(|path| kind(&circle, path)).collect();
    assert_eq!(
        lost.iter().filter(|k| **k == Kind::Lost).count(),
        2,
        "the step on itself, and one of the circle"
    );
    assert!(
        !document(&circle, "circle")["intelligence"]
            .as_object()
            .is_some_and(|i| i.contains_key("model"))
    );
}

#[test]
fn docker_agents_of_every_version_name_each_other() {
    let first = import(&read("docker-v0.yaml"), None, None).expect("an import");
    assert_eq!(names(&first), ["root", "helper"]);
    let spec = document(&first, "root");
    assert_eq!(spec["intelligence"]["model"], "anthropic/claude-sonnet-4-0");
    assert_eq!(spec["intelligence"]["max_tokens"], 4000);
    assert_eq!(
        spec["intelligence"]["system_prompt"],
        "Do what {% raw %}{{ it }}{% endraw %} says.\n"
    );
    assert_eq!(spec["network"]["delegation"]["allowed_agents"], json!(["helper"]));
    assert_eq!(spec["integration"]["mcp_servers"][0]["args"], json!(["serve", "7"]));
    assert_eq!(spec["integration"]["mcp_servers"][0]["env"], json!({"PATH_TO": "/data"}));

    let second = import(&read("docker-v2.yaml"), None, None).expect("an import");
    let spec = document(&second, "root");
    assert_eq!(spec["intelligence"]["model"], "openai/gpt-4o-mini");
    assert_eq!(spec["behavior"]["parallel_tool_calls"], false);
    let steps = spec["behavior"]["workflow"]["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 3);
    assert_eq!(steps[1]["depends_on"], json!(["writer"]));
    let servers = spec["integration"]["mcp_servers"].as_array().expect("servers");
    assert_eq!(servers[0]["args"][3], "--servers=duckduckgo");
    assert_eq!(servers[1]["headers"], json!({"Authorization": {"env": "X_KEY"}}));
    assert_eq!(document(&second, "writer")["intelligence"]["model"], "gemini/gemini-2.5-flash");

    let latest = import(&read("docker-v15.yaml"), None, None).expect("an import");
    let spec = document(&latest, "lead");
    assert_eq!(spec["intelligence"]["model"], "cloud/best", "merged by YAML's <<");
    assert_eq!(
        spec["intelligence"]["fallback_models"],
        json!(["anthropic/claude-sonnet-4-5", "ollama/qwen3"])
    );
    assert_eq!(
        spec["network"]["delegation"]["allowed_agents"],
        json!(["maker", "reviewer", "pirate"])
    );
    assert_eq!(kind(&latest, "/agents/lead/force_handoff"), Kind::Lost);
    assert_eq!(
        spec["context_policy"]["knowledge"][0]["embedding_model"],
        "openai/text-embedding-3-small"
    );
    assert_eq!(spec["context_policy"]["rag"]["chunk_overlap"], 100);
    assert_eq!(spec["context_policy"]["knowledge"][0]["top_k"], 7);
    assert_eq!(spec["interface"]["output_schema"]["required"], json!(["steps"]));
    assert_eq!(kind(&latest, "/mcps/tracker/env/TRACKER_TOKEN"), Kind::Lost);
    assert_eq!(spec["governance"]["security"]["denied_tools"], json!(["shell"]));
}

#[test]
fn adl_keeps_permissions_limits_and_extensions() {
    let adl = import(&read("adl-0.3.0.yaml"), None, None).expect("an import");
    let spec = document(&adl, "help-desk");
    assert_eq!(spec["identity"]["version"], "1.2.0");
    assert_eq!(spec["identity"]["author"], "Ada, Bob");
    assert_eq!(spec["intelligence"]["model"], "anthropic/claude-sonnet-4-5");
    assert_eq!(
        spec["intelligence"]["system_prompt"],
        "You help {{ inputs.customer }} of {{ inputs.plan }}."
    );
    assert_eq!(
        spec["interface"]["input_schema"]["properties"]["plan"],
        json!({"default": "basic"})
    );
    assert_eq!(spec["governance"]["security"]["allowed_env"], json!(["REGION"]));
    assert_eq!(spec["governance"]["rate_limits"]["cost_limit_usd_per_day"], 2.5);
    assert_eq!(spec["extensions"]["com.acme"]["color"], "blue");
    assert_eq!(spec["network"]["delegation"]["allowed_agents"], json!(["clerk", "boss"]));
    assert_eq!(kind(&adl, "/lifecycle/status"), Kind::Lost);

    let plain = import(&read("adl-plain.json"), None, None).expect("an import");
    let spec = document(&plain, "Plain");
    assert_eq!(kind(&plain, "/version"), Kind::Lost, "what the checks refuse is taken out");
    assert!(
        spec["intelligence"]["system_prompt"]
            .as_str()
            .is_some_and(|p| p.contains("{% raw %}{{ this }}"))
    );
}

#[test]
fn adk_agents_become_specs_and_teams_workflows() {
    let llm = import(&read("adk-llm.yaml"), None, Some("dir/root_agent.yaml")).expect("an import");
    let spec = document(&llm, "travel_agent");
    assert_eq!(spec["intelligence"]["model"], "gemini/gemini-2.0-flash");
    assert_eq!(
        spec["intelligence"]["system_prompt"],
        "Be polite.\n\nPlan for {{ inputs.user_name }} to {% if inputs.destination %}{{ inputs.destination }}{% endif %}. \
         Leave {artifact.map} and {} alone.\n"
    );
    assert_eq!(spec["integration"]["tools"], json!([{"name": "google_search"}, {"name": "book"}]));
    assert_eq!(
        spec["network"]["delegation"]["allowed_agents"],
        json!(["currency_agent", "hotel_agent", "flight_agent"])
    );
    let servers = spec["integration"]["mcp_servers"].as_array().expect("servers");
    assert_eq!(servers[0]["tools"], json!(["route"]));
    assert_eq!(servers[1]["timeout_ms"], 5000);

    let team = import(&read("adk-loop.yaml"), None, None).expect("an import");
    assert_eq!(names(&team), ["improve", "writer", "critic", "end", "last"]);
    let spec = document(&team, "improve");
    assert_eq!(spec["behavior"]["orchestration"], "loop");
    assert_eq!(spec["behavior"]["workflow"]["max_iterations"], 4);
    assert_eq!(spec["behavior"]["workflow"]["steps"][0]["output"], "draft");
    assert_eq!(document(&team, "end")["behavior"]["workflow"]["steps"][0]["agent"], "last");

    let graph = import(&read("adk-graph.yaml"), None, None).expect("an import");
    let spec = document(&graph, "pipeline");
    assert_eq!(spec["behavior"]["workflow"]["steps"][1]["depends_on"], json!(["check"]));
    assert_eq!(spec["behavior"]["workflow"]["steps"][1]["when"], "data.get('ok')");
    assert_eq!(spec["behavior"]["workflow"]["entry"], "check");
    let parallel = import(&read("adk-parallel.yaml"), None, None).expect("an import");
    assert_eq!(document(&parallel, "both")["behavior"]["orchestration"], "parallel");
}

#[test]
fn agent_framework_prompts_are_read_and_workflows_refused() {
    let prompt = import(&read("maf-prompt.yaml"), None, None).expect("an import");
    let spec = document(&prompt, "weather-man");
    assert_eq!(spec["intelligence"]["model"], "azure/gpt-4o");
    assert_eq!(
        spec["intelligence"]["system_prompt"],
        "Tell {{ inputs.name }} the weather. Never print {% raw %}{% raw %}{% endraw %}.\n\nBe brief."
    );
    assert_eq!(spec["integration"]["tools"][0]["parameters"]["required"], json!(["location"]));
    assert_eq!(
        spec["integration"]["tools"][1]["parameters"]["properties"]["zone"],
        json!({"type": "string"})
    );
    assert_eq!(spec["integration"]["mcp_servers"][0]["tools"], json!(["search"]));
    assert_eq!(spec["interface"]["output_schema"]["required"], json!(["language"]));
    assert_eq!(spec["intelligence"]["seed"], 5);
    let formulas = import(&read("maf-env.yaml"), None, None).expect("an import");
    assert_eq!(kind(&formulas, "/model/id"), Kind::Lost);
    assert_eq!(kind(&formulas, "/instructions"), Kind::Lost);
    assert_eq!(
        names(&import(&read("maf-manifest.yaml"), None, None).expect("an import")),
        ["inner"]
    );

    let workflow =
        "kind: Workflow\ntrigger: {kind: OnConversationStart, actions: [{kind: GotoAction}]}";
    let error = import(workflow, None, None).expect_err("a workflow");
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("Power Fx") && error.hint_text().is_some(), "{error}");
}

#[test]
fn crews_become_agents_and_a_workflow() {
    let agents = import(&read("crew-agents.yaml"), None, None).expect("an import");
    let spec = document(&agents, "researcher");
    assert_eq!(spec["intelligence"]["model"], "openai/gpt-4o");
    let prompt = spec["intelligence"]["system_prompt"].as_str().expect("a prompt");
    assert!(
        prompt.starts_with("You are {{ inputs.topic }} senior researcher.\n\nYour goal: Find"),
        "{prompt}"
    );
    assert!(prompt.ends_with("You find {\"what\": nobody} else finds."), "{prompt}");
    assert_eq!(spec["network"]["delegation"]["allowed_agents"], json!(["analyst", "twin"]));
    assert_eq!(spec["behavior"]["timeout_ms"], 300_000);
    assert_eq!(kind(&agents, "/analyst/llm/api_key"), Kind::Lost);
    assert_eq!(kind(&agents, "/analyst/mcps/1"), Kind::Lost);
    assert_eq!(document(&agents, "twin")["intelligence"]["model"], "gemini/gemini-2.0-flash");

    let tasks =
        import(&read("crew-tasks.yaml"), None, Some("config/tasks.yaml")).expect("an import");
    let spec = document(&tasks, "crew");
    let steps = spec["behavior"]["workflow"]["steps"].as_array().expect("steps");
    assert_eq!(steps[0]["agent"], "researcher");
    assert_eq!(
        steps[0]["input"]["task"],
        "Find out about {{ inputs.topic }} in {{ inputs.current_year }}.\n\nExpected output: Ten points on {{ inputs.topic }}"
    );
    assert_eq!(steps[1]["depends_on"], json!(["research_task"]));
    assert!(steps[2]["prompt"].as_str().is_some_and(|p| p.starts_with("Do it without")));
    assert_eq!(
        spec["interface"]["input_schema"]["properties"],
        json!({"topic": {}, "current_year": {}})
    );

    let both = import(&read("crew-both.yaml"), None, None).expect("an import");
    assert_eq!(names(&both), ["news-crew", "reader", "Writer"]);
    assert_eq!(kind(&both, "/agents/1/llm"), Kind::Lost);
    assert_eq!(
        names(&import(&read("crew-flat.yaml"), None, None).expect("an import")),
        ["crew", "helper"]
    );
}
