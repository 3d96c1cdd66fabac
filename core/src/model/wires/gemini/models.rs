//! What is known of Gemini models: how they think. As documented in November 2026.

use serde_json::{Value, json};

use crate::spec::ReasoningEffort::{self, High, Low, Medium, Minimal};

/// How a model is led in its thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thinking {
    Never,
    /// Tokens, from the least to the most; `off` when it can leave it.
    Budget {
        least: u32,
        most: u32,
        off: bool,
    },
    /// One of these words.
    Levels(&'static [ReasoningEffort]),
}

const FROM_MINIMAL: &[ReasoningEffort] = &[Minimal, Low, Medium, High];
const FROM_LOW: &[ReasoningEffort] = &[Low, Medium, High];

/// The first row whose beginning fits holds. What no row fits is like the newest.
const MODELS: &[(&str, Thinking)] = &[
    ("gemini-1", Thinking::Never),
    ("gemini-2.0", Thinking::Never),
    ("gemma", Thinking::Never),
    ("gemini-2.5-flash-lite", Thinking::Budget { least: 512, most: 24_576, off: true }),
    ("gemini-2.5-flash", Thinking::Budget { least: 1, most: 24_576, off: true }),
    ("gemini-2.5", Thinking::Budget { least: 128, most: 32_768, off: false }),
    ("gemini-3-flash", Thinking::Levels(FROM_MINIMAL)),
    ("gemini-3-pro", Thinking::Levels(&[Low, High])),
    ("gemini-3.1-flash-lite", Thinking::Levels(FROM_MINIMAL)),
    ("gemini-3.5-flash", Thinking::Levels(FROM_MINIMAL)),
    ("gemini-3.6-flash", Thinking::Levels(FROM_MINIMAL)),
    ("gemini-flash-lite-latest", Thinking::Levels(FROM_MINIMAL)),
];

fn thinking(model: &str) -> Thinking {
    let fits = |(beginning, _): &&(&str, Thinking)| model.starts_with(beginning);
    MODELS.iter().find(fits).map_or(Thinking::Levels(FROM_LOW), |(_, thinking)| *thinking)
}

/// Whether the model is of the third generation or a later one: it wants the signatures of its
/// calls back, and holds answers to a schema also when it has tools.
pub(super) fn is_recent(model: &str) -> bool {
    !["gemini-1", "gemini-2", "gemma"].iter().any(|old| model.starts_with(old))
}

/// `thinkingConfig` for an effort; `None` where the model has no say in it.
pub(super) fn thinking_config(model: &str, effort: ReasoningEffort) -> Option<Value> {
    let shows = effort != ReasoningEffort::None;
    match thinking(model) {
        Thinking::Never => None,
        Thinking::Budget { least, most, off } => {
            let tokens = match effort {
                ReasoningEffort::None if off => 0,
                ReasoningEffort::None | Minimal => least.max(512),
                Low => 4_096,
                Medium => 10_240,
                High => most,
            };
            Some(json!({"thinkingBudget": tokens, "includeThoughts": shows}))
        }
        Thinking::Levels(levels) => {
            // The least that is enough, or the most that there is.
            let asked = if shows { effort } else { Minimal };
            let rank = |effort: &ReasoningEffort| match effort {
                ReasoningEffort::None => 0,
                Minimal => 1,
                Low => 2,
                Medium => 3,
                High => 4,
            };
            let level = levels.iter().find(|l| rank(l) >= rank(&asked)).unwrap_or(&High);
            let word = match level {
                ReasoningEffort::None | Minimal => "minimal",
                Low => "low",
                Medium => "medium",
                High => "high",
            };
            Some(json!({"thinkingLevel": word, "includeThoughts": shows}))
        }
    }
}

/// What models begin with that the table knows.
#[cfg(test)]
pub(in crate::model::wires) fn known() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|(beginning, _)| *beginning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effort_becomes_what_the_model_has() {
        let config = |model, effort| thinking_config(model, effort);
        let level = |word, shows| Some(json!({"thinkingLevel": word, "includeThoughts": shows}));
        let budget =
            |tokens, shows| Some(json!({"thinkingBudget": tokens, "includeThoughts": shows}));
        assert_eq!(config("gemini-2.0-flash", High), None);
        assert_eq!(config("gemini-2.5-flash", ReasoningEffort::None), budget(0, false));
        assert_eq!(config("gemini-2.5-pro", ReasoningEffort::None), budget(512, false));
        assert_eq!(config("gemini-2.5-pro", High), budget(32_768, true));
        assert_eq!(config("gemini-2.5-flash-lite", High), budget(24_576, true));
        assert_eq!(config("gemini-3-pro-preview", Medium), level("high", true));
        assert_eq!(config("gemini-3.6-flash", Minimal), level("minimal", true));
        assert_eq!(config("gemini-3.8-flash", Minimal), level("low", true));
        assert_eq!(config("gemini-4-next", ReasoningEffort::None), level("low", false));
    }
}
