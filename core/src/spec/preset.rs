//! Presets: parts of specs that ship with aikit, for `extends: preset:NAME`.

/// Name and text, in the order of the names.
const PRESETS: &[(&str, &str)] = &[
    ("analyst", include_str!("presets/analyst.yaml")),
    ("classifier", include_str!("presets/classifier.yaml")),
    ("coder", include_str!("presets/coder.yaml")),
    ("creative", include_str!("presets/creative.yaml")),
    ("extractor", include_str!("presets/extractor.yaml")),
    ("grounded", include_str!("presets/grounded.yaml")),
    ("precise", include_str!("presets/precise.yaml")),
    ("support", include_str!("presets/support.yaml")),
    ("summarizer", include_str!("presets/summarizer.yaml")),
    ("translator", include_str!("presets/translator.yaml")),
];

/// The names that `preset:NAME` can have.
pub fn names() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The text of a preset.
pub fn text(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
