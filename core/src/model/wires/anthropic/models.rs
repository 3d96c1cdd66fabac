//! What is known of Claude models: how they think, and what they refuse. A fact per row; the first
//! row whose beginning fits holds. As documented in November 2026.

use crate::spec::ReasoningEffort;

/// How a model is brought to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It cannot.
    Never,
    /// With a budget of tokens; not at all without one.
    Budget,
    /// As it sees fit, led by an effort. The field says how it is kept from it.
    Adaptive(Off),
}

/// How an adaptive model is kept from thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Off {
    /// By not asking for it.
    Unasked,
    /// `thinking: {"type": ...}` with this word.
    Word(&'static str),
    /// It cannot be; the lowest effort comes nearest.
    Effort,
}

/// What is known of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// The most tokens of an answer; `None` where it is not known.
    pub(super) output_limit: Option<u32>,
    pub(super) thinking: Thinking,
    /// Whether what it thinks is only shown to those who ask.
    pub(super) hides_thinking: bool,
    /// Whether it takes `temperature` and `top_p`.
    pub(super) sampling: bool,
    /// Whether it takes both of them in one request.
    pub(super) both_samplings: bool,
    /// Whether it can be made to call a tool.
    pub(super) forced_tools: bool,
    /// Whether it holds answers to a schema.
    pub(super) native_output: bool,
    /// Whether it refuses what it thought when anything that stood before was changed.
    pub(super) binds_thoughts: bool,
    /// The fewest tokens that its cache takes.
    pub(super) cache_tokens: usize,
}

/// Tokens of an answer when nobody says how many, for models of which nothing is known.
const UNKNOWN_ANSWER: u32 = 8_192;
/// The same for models that are known to write more.
const USUAL_ANSWER: u32 = 32_000;

/// A model of which nothing is known, behind an API of this kind.
const UNKNOWN: Model = Model {
    output_limit: None,
    thinking: Thinking::Budget,
    hides_thinking: false,
    sampling: true,
    both_samplings: true,
    forced_tools: true,
    native_output: false,
    binds_thoughts: false,
    cache_tokens: 1_024,
};

const CLAUDE_3: Model =
    Model { output_limit: Some(4_096), thinking: Thinking::Never, cache_tokens: 2_048, ..UNKNOWN };
const CLAUDE_4: Model = Model { output_limit: Some(32_000), both_samplings: false, ..UNKNOWN };
const CLAUDE_4_5: Model =
    Model { output_limit: Some(64_000), native_output: true, cache_tokens: 4_096, ..CLAUDE_4 };
const CLAUDE_4_6: Model =
    Model { output_limit: Some(128_000), thinking: Thinking::Adaptive(Off::Unasked), ..CLAUDE_4_5 };
const CLAUDE_4_7: Model = Model { hides_thinking: true, sampling: false, ..CLAUDE_4_6 };
const CLAUDE_5: Model = Model {
    thinking: Thinking::Adaptive(Off::Word("disabled")),
    cache_tokens: 1_024,
    ..CLAUDE_4_7
};
/// The newest kind, and every Claude that the table does not know.
const NEWEST: Model = Model {
    thinking: Thinking::Adaptive(Off::Effort),
    forced_tools: false,
    binds_thoughts: true,
    cache_tokens: 512,
    ..CLAUDE_5
};

const FABLE_5: Model = Model { forced_tools: true, binds_thoughts: false, ..NEWEST };

const MODELS: &[(&str, Model)] = &[
    ("claude-3-5", Model { output_limit: Some(8_192), ..CLAUDE_3 }),
    ("claude-3-7", Model { output_limit: Some(64_000), thinking: Thinking::Budget, ..CLAUDE_3 }),
    ("claude-3", CLAUDE_3),
    ("claude-haiku-4-5", CLAUDE_4_5),
    ("claude-sonnet-4-5", Model { cache_tokens: 1_024, ..CLAUDE_4_5 }),
    ("claude-opus-4-5", CLAUDE_4_5),
    ("claude-sonnet-4-6", Model { cache_tokens: 1_024, ..CLAUDE_4_6 }),
    ("claude-opus-4-6", CLAUDE_4_6),
    ("claude-opus-4-7", CLAUDE_4_7),
    ("claude-opus-4-8", Model { cache_tokens: 1_024, ..CLAUDE_4_7 }),
    ("claude-sonnet-4", Model { output_limit: Some(64_000), ..CLAUDE_4 }),
    ("claude-sonnet-4-0", Model { output_limit: Some(64_000), ..CLAUDE_4 }),
    ("claude-opus-4-1", CLAUDE_4),
    ("claude-opus-4-0", CLAUDE_4),
    ("claude-opus-4", CLAUDE_4),
    ("claude-opus-5-5", NEWEST),
    (
        "claude-sonnet-5-5",
        Model { thinking: Thinking::Adaptive(Off::Word("between_tools")), ..NEWEST },
    ),
    ("claude-haiku-5-5", Model { thinking: Thinking::Adaptive(Off::Word("disabled")), ..NEWEST }),
    ("claude-opus-5", Model { cache_tokens: 512, ..CLAUDE_5 }),
    ("claude-sonnet-5", CLAUDE_5),
    ("claude-fable-5-2", NEWEST),
    ("claude-mythos-5-2", NEWEST),
    ("claude-fable-5-1", NEWEST),
    ("claude-mythos-5-1", NEWEST),
    ("claude-fable-5", FABLE_5),
    ("claude-mythos-5", FABLE_5),
    ("claude-", Model { output_limit: None, ..NEWEST }),
];

/// Whether the version goes on, as with `-2` behind `claude-fable-5`, and not with a date.
fn goes_on(rest: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    digits(rest) > 0 || rest.strip_prefix('-').is_some_and(|rest| matches!(digits(rest), 1 | 2))
}

impl Model {
    pub(super) fn of(name: &str) -> Self {
        let fits = |(beginning, _): &&(&str, Self)| {
            name.strip_prefix(beginning)
                .is_some_and(|rest| beginning.ends_with('-') || !goes_on(rest))
        };
        MODELS.iter().find(fits).map_or(UNKNOWN, |(_, model)| *model)
    }

    /// Tokens that an answer may have: what is asked, but never more than the model can.
    pub(super) fn max_tokens(&self, asked: Option<u32>) -> u32 {
        let usual = if *self == UNKNOWN { UNKNOWN_ANSWER } else { USUAL_ANSWER };
        asked.unwrap_or(usual).min(self.output_limit.unwrap_or(u32::MAX)).max(1)
    }
}

/// Tokens to think with, within an answer of `max_tokens`; `None` when there is no room.
pub(super) fn budget(effort: ReasoningEffort, max_tokens: u32) -> Option<u32> {
    /// The least that providers take.
    const LEAST: u32 = 1_024;
    let wanted = match effort {
        ReasoningEffort::None => return None,
        ReasoningEffort::Minimal => LEAST,
        ReasoningEffort::Low => 4_096,
        ReasoningEffort::Medium => 10_240,
        ReasoningEffort::High => 24_576,
    };
    // A quarter is left for what is said.
    let budget = wanted.min(max_tokens / 4 * 3);
    (budget >= LEAST).then_some(budget)
}

/// The word for an effort. There is none below `low`.
pub(super) fn effort(effort: ReasoningEffort) -> &'static str {
    match effort {
        ReasoningEffort::None | ReasoningEffort::Minimal | ReasoningEffort::Low => "low",
        ReasoningEffort::Medium => "medium",
        ReasoningEffort::High => "high",
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
    fn a_model_is_known_by_the_beginning_of_its_name_and_a_new_claude_is_like_the_newest() {
        assert_eq!(Model::of("claude-sonnet-4-5-20250929"), Model::of("claude-sonnet-4-5"));
        assert_eq!(Model::of("claude-sonnet-4-20250514").output_limit, Some(64_000));
        assert_eq!(Model::of("claude-opus-4-1-20250805").thinking, Thinking::Budget);
        assert!(!Model::of("claude-opus-4-1").native_output);
        assert_eq!(Model::of("claude-opus-5").thinking, Thinking::Adaptive(Off::Word("disabled")));
        assert_eq!(Model::of("claude-opus-5-5").thinking, Thinking::Adaptive(Off::Effort));
        assert_eq!(Model::of("claude-opus-9").thinking, Thinking::Adaptive(Off::Effort));
        assert_eq!(Model::of("claude-fable-5-2"), Model::of("claude-mythos-5-1"));
        assert_eq!(Model::of("claude-fable-5-20260601"), Model::of("claude-fable-5"));
        assert!(Model::of("claude-fable-5").forced_tools);
        for newer in ["claude-fable-5-3", "claude-fable-5-12-20270101", "claude-sonnet-5-6"] {
            assert_eq!(Model::of(newer), Model::of("claude-nobody-knows"), "{newer}");
        }
        assert!(Model::of("claude-opus-5-5").binds_thoughts);
        assert!(!Model::of("claude-opus-5").binds_thoughts);
        assert_eq!(Model::of("claude-3-opus-20240229").output_limit, Some(4_096));
        assert_eq!(Model::of("qwen3"), UNKNOWN);
    }

    #[test]
    fn an_answer_is_never_asked_to_be_longer_than_the_model_can() {
        assert_eq!(Model::of("claude-3-haiku-20240307").max_tokens(None), 4_096);
        assert_eq!(Model::of("claude-3-haiku-20240307").max_tokens(Some(10_000)), 4_096);
        assert_eq!(Model::of("claude-haiku-4-5").max_tokens(None), 32_000);
        assert_eq!(Model::of("qwen3").max_tokens(None), 8_192);
        assert_eq!(Model::of("qwen3").max_tokens(Some(50_000)), 50_000);
    }

    #[test]
    fn thinking_leaves_room_for_the_answer() {
        assert_eq!(budget(ReasoningEffort::High, 32_000), Some(24_000));
        assert_eq!(budget(ReasoningEffort::High, 128_000), Some(24_576));
        assert_eq!(budget(ReasoningEffort::Low, 2_000), Some(1_500));
        assert_eq!(budget(ReasoningEffort::Low, 1_000), None);
        assert_eq!(budget(ReasoningEffort::None, 32_000), None);
    }
}
