//! What documents in the field have, beyond the schemas of their formats.

use aikit::spec::neighbours::{Format, Kind, import};
use serde_json::json;

use super::samples::read;
use super::{document, entry, kind, names};

#[test]
fn crews_of_one_text_are_crews_and_pass_their_inputs_on() {
    let crew = import(&read("crew-one-file.yaml"), None, Some("crew.yaml")).expect("an import");
    assert_eq!(crew.format, Format::CrewAi);
    assert_eq!(names(&crew), ["paper", "scout", "scribe"]);
    let spec = document(&crew, "paper");
    let steps = &spec["behavior"]["workflow"]["steps"];
    let given = json!({
        "task": "Look for {{ inputs.subject }}\n\nExpected output: Five sources",
        "subject": "{{ inputs.subject }}",
        "language": "{{ inputs.language }}",
    });
    assert_eq!(steps[0]["input"], given);
    assert_eq!(steps[1]["input"], json!({"task": "Write about it"}), "nothing is expected");
    assert_eq!(steps[1]["depends_on"], json!(["scouting"]));
    assert!(spec["interface"]["input_schema"]["properties"].get("language").is_some());
    assert_eq!(entry(&crew, "/agents/0/name").to.as_deref(), Some("scout:/identity/agent_id"));
    assert_eq!(entry(&crew, "/agents/0/role").note.as_deref(), Some("begins the system prompt"));
    assert_eq!(kind(&crew, "/process"), Kind::Changed);
    // A file is named after what is in it, not after the crew.
    for file in ["agents.yaml", "tasks.yaml"] {
        let text = "t: {description: d, expected_output: e}\n";
        assert_eq!(names(&import(text, None, Some(file)).expect("an import")), ["crew"]);
    }
    // The same in mappings.
    let text = "agents:\n  a: {role: A, goal: b, backstory: c}\n\
                tasks:\n  t: {description: d, expected_output: e, agent: a}\n";
    let crew = import(text, None, Some("config/team.yaml")).expect("an import");
    assert_eq!((crew.format, names(&crew)), (Format::CrewAi, vec!["team", "a"]));
}

#[test]
fn joined_documents_are_refused_with_what_to_do() {
    let text = "a: {role: A, goal: b}\n---\nt: {description: d, expected_output: e}\n";
    let error = import(text, None, None).expect_err("two documents");
    let hints: Vec<_> = error.diagnostics().iter().filter_map(|d| d.hint.clone()).collect();
    assert!(hints.iter().any(|hint| hint.contains("import each one")), "{hints:?}");
}

#[test]
fn workflows_that_begin_with_the_first_agent_are_specs_of_their_own() {
    let stages = import(&read("docker-stages.yaml"), None, Some("write.yaml")).expect("an import");
    assert_eq!(names(&stages), ["write", "root", "judge"]);
    let workflow = &document(&stages, "write")["behavior"]["workflow"];
    let agents: Vec<_> = workflow["steps"].as_array().expect("steps").iter().collect();
    assert_eq!(agents.iter().map(|s| &s["agent"]).collect::<Vec<_>>(), ["root", "root", "judge"]);
    assert_eq!(agents[2]["depends_on"], json!(["root", "root-2"]));
    assert_eq!(kind(&stages, "/workflow/steps/0/steps/1/name"), Kind::Changed);
    assert_eq!(kind(&stages, "/workflow/steps/2/if"), Kind::Lost);
    assert_eq!(
        entry(&stages, "/models/idle/model").note.as_deref(),
        Some("no agent of the text has this model")
    );
    let root = document(&stages, "root");
    let servers = root["integration"]["mcp_servers"].as_array().expect("servers");
    assert_eq!(servers[0]["name"], "notes-mcp");
    assert_eq!(servers[1]["name"], "notes");
}

#[test]
fn old_prompts_of_a_task_and_native_tools_of_a_sandbox_are_found() {
    let old = import(&read("oa-old-prompts.yaml"), None, None).expect("an import");
    let spec = document(&old, "reader");
    assert_eq!(spec["intelligence"]["system_prompt"], "You read aloud.");
    assert_eq!(spec["behavior"]["workflow"]["steps"][0]["prompt"], "Read page {{ inputs.page }}.");
    assert_eq!(kind(&old, "/prompts/system"), Kind::Lost);
    assert_eq!(kind(&old, "/prompts/user"), Kind::Lost);
    assert_eq!(spec["governance"]["security"]["allowed_tools"], json!(["book", "http.get"]));
    assert_eq!(spec["governance"]["security"]["denied_tools"], json!(["file.write"]));
}

#[test]
fn adk_teams_pass_their_state_on_and_chains_become_steps() {
    let team = import(&read("adk-state.yaml"), None, None).expect("an import");
    let steps = &document(&team, "digest")["behavior"]["workflow"]["steps"];
    assert_eq!(steps[1]["input"], json!({"facts": "{{ state.facts }}"}));
    assert!(steps[0].get("input").is_none(), "nothing stands before it");
    let server = "/sub_agents/0/tools/0/args/stdio_server_params";
    assert_eq!(kind(&team, &format!("{server}/args/3")), Kind::Lost);
    assert_eq!(kind(&team, &format!("{server}/env/HEADERS")), Kind::Lost);

    let chains = import(&read("adk-chains.yaml"), None, None).expect("an import");
    let spec = document(&chains, "router");
    let steps = spec["behavior"]["workflow"]["steps"].as_array().expect("steps");
    let ids: Vec<_> = steps.iter().filter_map(|s| s["id"].as_str()).collect();
    assert_eq!(ids, ["sort_fn", "fast_lane", "slow_fn", "report", "left_fn", "right_fn"]);
    assert_eq!(steps[1]["agent"], "fast_lane");
    assert_eq!(steps[1]["when"], "state.sort_fn == \"URGENT\"");
    assert_eq!(steps[2]["when"], "state.sort_fn != \"URGENT\"");
    assert_eq!(steps[2]["tool"], "slow_fn");
    assert_eq!(steps[3]["depends_on"], json!(["fast_lane", "slow_fn", "left_fn", "right_fn"]));
    assert_eq!(kind(&chains, "/edges/3/1"), Kind::Lost, "the way back");
    assert_eq!(kind(&chains, "/edges/3/2"), Kind::Lost, "no name");
}

#[test]
fn publishers_name_providers_and_notes_tell_the_truth() {
    let tutor = import(&read("maf-publisher.yaml"), None, None).expect("an import");
    assert_eq!(document(&tutor, "Tutor")["intelligence"]["model"], "openai/my-deployment");
    assert_eq!(document(&tutor, "Tutor")["identity"]["name"], "The Tutor");
    let text = "adl_spec: '0.3.0'\nname: a\nsecurity: {authentication: {type: oauth2}}\n\
                provider: {name: P, contact: c}\nmetadata: {authors: [{name: N}]}\n";
    let adl = import(text, None, None).expect("an import");
    for (path, words) in [
        ("/security/authentication/type", "sign in"),
        ("/provider/contact", "one author"),
        ("/provider/name", "one author"),
    ] {
        assert!(entry(&adl, path).note.as_ref().is_some_and(|n| n.contains(words)), "{path}");
    }
}

#[test]
fn branches_ask_what_a_node_gave_and_nothing_empty_is_lost() {
    let flow = import(&read("oracle-branches.yaml"), None, None).expect("an import");
    let spec = document(&flow, "sort-mail");
    let steps = spec["behavior"]["workflow"]["steps"].as_array().expect("steps");
    assert_eq!(steps[1]["when"], "state[\"sort-it\"].kind == \"spam\"");
    assert_eq!(steps[2]["when"], "state[\"sort-it\"].kind != \"spam\"");
    assert_eq!(steps[2]["input"], json!({"part": "{{ state[\"sort-it\"].parts }}"}));
    // Only what a prompt names is an input of the whole.
    let inputs = spec["interface"]["input_schema"]["properties"].as_object().expect("inputs");
    assert_eq!(inputs.keys().collect::<Vec<_>>(), ["mail"]);
    assert_eq!(spec["integration"]["tools"][0]["parameters"]["required"], json!(["shelf"]));
    for path in ["/description", "/metadata", "/outputs"] {
        assert_eq!(kind(&flow, path), Kind::Kept, "{path}");
    }
    let model = "/$referenced_components/sort/llm_config";
    assert_eq!(kind(&flow, &format!("{model}/default_generation_parameters")), Kind::Kept);
    assert_eq!(kind(&flow, &format!("{model}/metadata")), Kind::Kept);
}
