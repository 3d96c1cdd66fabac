//! Names that a provider takes, one for each that it does not.

use std::collections::HashSet;

use crate::spec::NameRule;

/// Letters of a hash that tell two names apart.
const MARK: usize = 8;

/// The name itself if the rule takes it, else one made from it that nobody has yet. What is given
/// out is `taken` afterwards.
pub(super) fn fit(rule: &NameRule, name: &str, taken: &mut HashSet<String>) -> String {
    if rule.takes(name) {
        taken.insert(name.to_owned());
        return name.to_owned();
    }
    let mut fitted = String::with_capacity(name.len() + 1);
    for c in name.chars() {
        if fitted.is_empty() && !rule.takes_first(c) {
            fitted.push('_');
        }
        fitted.push(if rule.takes_char(c) { c } else { '_' });
    }
    let full = fitted.clone();
    fitted.truncate(rule.limit);
    let readable = fitted.chars().any(|c| c.is_ascii_alphanumeric());
    if full == fitted && readable && taken.insert(fitted.clone()) {
        return fitted;
    }
    // The mark depends on the name alone, so that it stays when others come and go.
    let hash = blake3::hash(name.as_bytes()).to_hex();
    fitted.truncate(rule.limit.saturating_sub(MARK + 1));
    let marked = format!("{fitted}_{}", &hash[..MARK]);
    let mut candidate = marked.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{}{number}", &marked[..marked.len() - 4]);
        number += 1;
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{GEMINI, OPENAI};

    fn fitted(rule: &NameRule, names: &[&str]) -> Vec<String> {
        let mut taken = HashSet::new();
        names.iter().map(|name| fit(rule, name, &mut taken)).collect()
    }

    #[test]
    fn every_name_gets_one_of_its_own() {
        let rule = &OPENAI.tool_name;
        let long = "x".repeat(100);
        let other = format!("{}y", "x".repeat(99));
        let names = ["a_b", "a.b", "a/b", "\u{e4}", "\u{fc}", &long, &other, ""];
        let fitted = fitted(rule, &names);
        assert_eq!(fitted[0], "a_b");
        for name in &fitted {
            assert!(rule.takes(name), "{name:?}");
        }
        let all: HashSet<&String> = fitted.iter().collect();
        assert_eq!(all.len(), names.len(), "{fitted:?}");
    }

    #[test]
    fn a_name_begins_as_it_must() {
        assert_eq!(
            fitted(&GEMINI.tool_name, &["2d", "-x", "ok.name:1"]),
            ["_2d", "_-x", "ok.name:1"]
        );
        assert_eq!(fitted(&OPENAI.tool_name, &["2d"]), ["2d"]);
    }
}
