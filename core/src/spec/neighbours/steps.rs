//! Workflows while they are made: steps, what they wait for, and no circles.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

use super::draft::{Draft, order_keys, slug};
use super::source::View;

const STEPS: &str = "/behavior/workflow/steps";
const KEYS: &[&str] =
    &["id", "description", "agent", "tool", "prompt", "input", "depends_on", "when", "output"];
const CIRCLE: &str = "a step cannot wait for one that waits for it: the way back is left out";

/// The steps of one workflow.
#[derive(Default)]
pub(super) struct Steps<'a> {
    steps: Vec<Step<'a>>,
    ids: HashMap<String, usize>,
    /// The steps with which the work begins, where the source says so.
    entries: Vec<usize>,
}

struct Step<'a> {
    settings: Map<String, Json>,
    needs: Vec<Need<'a>>,
}

struct Need<'a> {
    step: usize,
    /// What says so in the source.
    view: Option<View<'a>>,
    /// When the way from there leads here.
    when: Option<String>,
}

impl<'a> Steps<'a> {
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// An id of its own for a step of this name.
    pub(super) fn id(&mut self, name: &str) -> String {
        let base = slug(name).unwrap_or_else(|| "step".to_owned());
        let mut id = base.clone();
        let mut count = self.ids.get(&base).copied().unwrap_or(0);
        while self.ids.contains_key(&id) {
            count += 1;
            id = format!("{}-{}", &base[..base.len().min(56)], count + 1);
        }
        self.ids.insert(base, count);
        self.ids.entry(id.clone()).or_insert(0);
        id
    }

    /// Adds a step; gives its number.
    pub(super) fn add(&mut self, settings: Map<String, Json>) -> usize {
        self.steps.push(Step { settings, needs: Vec::new() });
        self.steps.len() - 1
    }

    /// Where a step stands in the spec.
    pub(super) fn place(step: usize) -> String {
        format!("{STEPS}/{step}")
    }

    pub(super) fn output(&self, step: usize) -> &str {
        let settings = &self.steps[step].settings;
        settings.get("output").or(settings.get("id")).and_then(Json::as_str).unwrap_or_default()
    }

    pub(super) fn settings(&mut self, step: usize) -> &mut Map<String, Json> {
        &mut self.steps[step].settings
    }

    /// The work begins with this step: what leads to it from later ones is a way back.
    pub(super) fn enter(&mut self, step: usize) {
        self.entries.push(step);
    }

    /// A step waits for another; `view` says so in the source.
    pub(super) fn need(&mut self, step: usize, needed: usize, view: Option<View<'a>>) {
        self.need_when(step, needed, view, None);
    }

    /// The same for a way that is taken only if something holds.
    pub(super) fn need_when(
        &mut self,
        step: usize,
        needed: usize,
        view: Option<View<'a>>,
        when: Option<String>,
    ) {
        // A junction of many branches makes each way through it.
        if view.is_none_or(|view| view.source.spend(64)) {
            self.steps[step].needs.push(Need { step: needed, view, when });
        }
    }

    /// A step waits for what another one waits for.
    pub(super) fn needs_like(&mut self, step: usize, other: usize) {
        for at in 0..self.steps[other].needs.len() {
            let Need { step: needed, view, when } = &self.steps[other].needs[at];
            let (needed, view, when) = (*needed, *view, when.clone());
            self.need_when(step, needed, view, when);
        }
    }

    pub(super) fn has_needs(&self) -> bool {
        self.steps.iter().any(|step| !step.needs.is_empty())
    }

    /// Writes the workflow.
    pub(super) fn finish(mut self, draft: &mut Draft<'_>, orchestration: &str) {
        if self.steps.is_empty() {
            return;
        }
        self.untie();
        draft.set("/behavior/orchestration", orchestration.into());
        let ids: Vec<Json> = self.steps.iter().map(|step| step.settings["id"].clone()).collect();
        for (number, step) in self.steps.into_iter().enumerate() {
            let mut settings = step.settings;
            let mut known = Vec::new();
            let mut places = HashMap::new();
            // A way without a condition leads here in any case.
            let conditions: Option<Vec<&str>> =
                step.needs.iter().map(|n| n.when.as_deref()).collect();
            if let Some(mut conditions) = conditions.filter(|c| !c.is_empty()) {
                let mut seen = HashSet::new();
                conditions.retain(|condition| seen.insert(*condition));
                settings.insert("when".into(), conditions.join(" or ").into());
            }
            for Need { step: needed, view, .. } in step.needs {
                let at = *places.entry(needed).or_insert_with(|| {
                    known.push(needed);
                    known.len() - 1
                });
                if let Some(view) = view {
                    let pointer = format!("{STEPS}/{number}/depends_on/{at}");
                    draft.changed(view, &pointer, "a step that this one waits for");
                }
            }
            let needs: Vec<Json> = known.iter().map(|n| ids[*n].clone()).collect();
            if !needs.is_empty() {
                settings.insert("depends_on".into(), needs.into());
            }
            order_keys(&mut settings, KEYS);
            draft.push(STEPS, Json::Object(settings));
        }
    }

    /// Leaves out what closes a circle, seen in the order of the work: what leads back to a step
    /// that is on the way already. A depth-first search without recursion.
    fn untie(&mut self) {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Open,
            Done,
        }
        let mut next: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.steps.len()];
        for (step, settings) in self.steps.iter().enumerate() {
            for (at, need) in settings.needs.iter().enumerate() {
                next[need.step].push((step, at));
            }
        }
        let first = (0..self.steps.len()).filter(|step| self.steps[*step].needs.is_empty());
        let entries = self.entries.iter().copied();
        let order: Vec<usize> = entries.chain(first).chain(0..self.steps.len()).collect();
        let mut states = vec![State::New; self.steps.len()];
        let mut back = HashSet::new();
        for start in order {
            if states[start] != State::New {
                continue;
            }
            states[start] = State::Open;
            let mut way = vec![(start, 0)];
            while let Some((step, at)) = way.last_mut() {
                let Some((follower, need)) = next[*step].get(*at).copied() else {
                    states[*step] = State::Done;
                    way.pop();
                    continue;
                };
                *at += 1;
                match states[follower] {
                    State::Open => drop(back.insert((follower, need))),
                    State::New => {
                        states[follower] = State::Open;
                        way.push((follower, 0));
                    }
                    State::Done => {}
                }
            }
        }
        for (number, step) in self.steps.iter_mut().enumerate() {
            let mut at = 0;
            step.needs.retain(|need| {
                let goes_back = back.contains(&(number, at));
                if let Some(view) = need.view.filter(|_| goes_back) {
                    view.lost(CIRCLE);
                }
                at += 1;
                !goes_back
            });
        }
    }
}

/// Where the state holds what a step gave, or a part of it: `state.STEP.FIELD`.
pub(super) fn path_of(output: &str, field: Option<&str>) -> String {
    let mut path = "state".to_owned();
    for part in std::iter::once(output).chain(field) {
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        // `-` would be read as a sign.
        if part.chars().all(letter) && !part.starts_with(|c: char| c.is_ascii_digit()) {
            path.push('.');
            path.push_str(part);
        } else {
            path.push_str(&format!("[{}]", Json::from(part)));
        }
    }
    path
}

/// How a step names what another one gave.
pub(super) fn result_of(output: &str, field: Option<&str>) -> Json {
    json!(format!("{{{{ {} }}}}", path_of(output, field)))
}
