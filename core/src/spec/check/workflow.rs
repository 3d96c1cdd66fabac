//! Whether a workflow's steps are sound: known, without cycles, reachable.

use std::collections::{HashMap, HashSet};

use super::{Check, few};
use crate::spec::document::{Document, Orchestration, Workflow, WorkflowStep};

const STEPS: &str = "/behavior/workflow/steps";

pub(super) fn check(document: &Document, check: &mut Check<'_>) {
    let workflow = &document.behavior.workflow;
    let orchestration = document.behavior.orchestration;
    if workflow.steps.is_empty() {
        if orchestration != Orchestration::Single {
            check.error(
                "/behavior/orchestration",
                "AK2011",
                "there are no steps to put in order",
                Some("add `behavior.workflow.steps`, or remove `orchestration`"),
            );
        }
        if *workflow != Workflow::default() {
            check.error("/behavior/workflow", "AK1004", "`steps` is missing", None);
        }
        return;
    }
    let tools: HashSet<&str> =
        document.integration.tools.iter().map(|tool| tool.name.as_str()).collect();
    for (i, step) in workflow.steps.iter().enumerate() {
        one(&format!("{STEPS}/{i}"), step, document, &tools, check);
    }
    check.once(STEPS, "id", workflow.steps.iter().map(|s| s.id.as_str()).enumerate());
    let at: HashMap<&str, usize> =
        workflow.steps.iter().enumerate().rev().map(|(i, s)| (s.id.as_str(), i)).collect();
    references(workflow, &at, check);
    let cyclic = cycle(workflow, &at, check);
    if !cyclic {
        reachable(workflow, &at, check);
    }
    if orchestration == Orchestration::Loop && workflow.max_iterations.is_none() {
        check.error(
            "/behavior/orchestration",
            "AK2011",
            "a loop needs `behavior.workflow.max_iterations`",
            Some("for instance `max_iterations: 5`"),
        );
    }
}

fn one(
    pointer: &str,
    step: &WorkflowStep,
    document: &Document,
    tools: &HashSet<&str>,
    check: &mut Check<'_>,
) {
    if step.id.is_empty() {
        check.error(pointer, "AK1004", "`id` is missing", None);
    } else {
        check.slug(&format!("{pointer}/id"), &step.id);
    }
    let does = [step.agent.is_some(), step.tool.is_some(), step.prompt.is_some()];
    match does.iter().filter(|does| **does).count() {
        1 => {}
        0 => check.error(
            pointer,
            "AK1004",
            "the step does nothing: `agent`, `tool` or `prompt` is missing",
            Some("for instance `prompt: Sum it up.`"),
        ),
        _ => check.error(pointer, "AK1005", "a step has one of `agent`, `tool`, `prompt`", None),
    }
    if let Some(agent) = &step.agent {
        check.slug(&format!("{pointer}/agent"), agent);
    }
    if let Some(tool) = &step.tool
        && !tools.contains(tool.as_str())
        && document.integration.mcp_servers.is_empty()
    {
        check.error(
            &format!("{pointer}/tool"),
            "AK2003",
            format!("`integration.tools` does not name the tool {tool:?}"),
            Some("add it there: no tool is available that is not named"),
        );
    }
    if let Some(schema) = &step.output_schema {
        check.json_schema(&format!("{pointer}/output_schema"), schema, false);
    }
}

fn references(workflow: &Workflow, at: &HashMap<&str, usize>, check: &mut Check<'_>) {
    let known = few(workflow.steps.iter().map(|s| s.id.as_str()));
    for (i, step) in workflow.steps.iter().enumerate() {
        for (k, needed) in step.depends_on.iter().enumerate() {
            if !at.contains_key(needed.as_str()) {
                check.error(
                    &format!("{STEPS}/{i}/depends_on/{k}"),
                    "AK2003",
                    format!("there is no step {needed:?}"),
                    Some(&format!("there are: {known}")),
                );
            }
        }
    }
    if let Some(entry) = &workflow.entry
        && !at.contains_key(entry.as_str())
    {
        let hint = format!("there are: {known}");
        let message = format!("there is no step {entry:?}");
        check.error("/behavior/workflow/entry", "AK2003", message, Some(&hint));
    }
}

fn needs<'a>(
    step: &'a WorkflowStep,
    at: &'a HashMap<&str, usize>,
) -> impl Iterator<Item = usize> + 'a {
    step.depends_on.iter().filter_map(|needed| at.get(needed.as_str()).copied())
}

/// For each step, those that wait for it.
fn dependents(steps: &[WorkflowStep], at: &HashMap<&str, usize>) -> Vec<Vec<usize>> {
    let mut waiting_for: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (i, step) in steps.iter().enumerate() {
        for needed in needs(step, at) {
            waiting_for[needed].push(i);
        }
    }
    waiting_for
}

/// Takes away, round by round, the steps that wait for none of those left (Kahn, 1962); what is
/// left then waits for itself.
fn cycle(workflow: &Workflow, at: &HashMap<&str, usize>, check: &mut Check<'_>) -> bool {
    let steps = &workflow.steps;
    let mut waits: Vec<usize> = steps.iter().map(|step| needs(step, at).count()).collect();
    let waiting_for = dependents(steps, at);
    let mut ready: Vec<usize> = (0..steps.len()).filter(|i| waits[*i] == 0).collect();
    while let Some(done) = ready.pop() {
        for next in &waiting_for[done] {
            waits[*next] -= 1;
            if waits[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    let Some(first) = (0..steps.len()).find(|i| waits[*i] > 0) else { return false };
    // From any step that is left, going back over what it waits for ends in the cycle.
    let mut path = vec![first];
    let mut seen = HashMap::from([(first, 0)]);
    let cycle = loop {
        let last = path[path.len() - 1];
        let Some(next) = needs(&steps[last], at).find(|i| waits[*i] > 0) else { break path };
        if let Some(begin) = seen.get(&next) {
            break path.split_off(*begin);
        }
        seen.insert(next, path.len());
        path.push(next);
    };
    let mut names: Vec<&str> = cycle.iter().take(20).map(|i| steps[*i].id.as_str()).collect();
    names.push(if cycle.len() > names.len() { "..." } else { names[0] });
    check.error(
        &format!("{STEPS}/{}/depends_on", cycle[0]),
        "AK2004",
        format!("the steps wait for each other: {}", names.join(" -> ")),
        Some("take one of these `depends_on` out"),
    );
    true
}

/// With an `entry`, only what depends on it, or what it needs, ever runs.
fn reachable(workflow: &Workflow, at: &HashMap<&str, usize>, check: &mut Check<'_>) {
    let Some(entry) = workflow.entry.as_ref().and_then(|e| at.get(e.as_str()).copied()) else {
        return;
    };
    let steps = &workflow.steps;
    let mut reached = vec![false; steps.len()];
    let waiting_for = dependents(steps, at);
    let mut next = vec![entry];
    while let Some(step) = next.pop() {
        if !std::mem::replace(&mut reached[step], true) {
            next.extend(&waiting_for[step]);
            next.extend(needs(&steps[step], at));
        }
    }
    // A workflow without any `depends_on` runs its steps in their order.
    if steps.iter().all(|step| step.depends_on.is_empty()) {
        return;
    }
    for (i, step) in steps.iter().enumerate().filter(|(i, _)| !reached[*i]) {
        check.warn(
            &format!("{STEPS}/{i}"),
            "AK2005",
            format!("the step {:?} is never reached from {:?}", step.id, steps[entry].id),
            "let it depend on a step that is reached, or take it out",
        );
    }
}
