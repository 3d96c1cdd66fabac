//! What models cost: list prices of the providers, as data with a date. Where a price depends on the
//! hour, the higher one stands; one that the provider gives for a while only does not.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{Usage, own_name};

/// Providers whose models run here, or are no models at all.
const FREE: [&str; 3] = ["local/", "ollama/", "scripted/"];

/// What a model costs, in US dollars for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    pub(crate) input: f64,
    pub(crate) output: f64,
    /// Of input that came from the provider's cache; absent: as other input.
    pub(crate) cached_input: Option<f64>,
    /// Of input that was written to the provider's cache; absent: as other input.
    pub(crate) cache_write: Option<f64>,
    /// Of requests with a long input, all of whose tokens cost more.
    pub(crate) long: Option<LongPrice>,
}

/// What a model costs from so many tokens of input on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LongPrice {
    above: u64,
    input: f64,
    output: f64,
    cached_input: Option<f64>,
    cache_write: Option<f64>,
}

/// What models cost: prices of a configuration, and list prices of all others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices(pub(crate) BTreeMap<String, Price>);

impl Prices {
    /// The price of `provider/model`, whichever of its names the provider goes by.
    pub(crate) fn of(&self, model: &str) -> Option<Price> {
        let by_own_name = || {
            let own = own_name(model);
            self.0.iter().find(|(name, _)| own_name(name) == own).map(|(_, price)| price)
        };
        self.0.get(model).or_else(by_own_name).copied().or_else(|| list_price(model))
    }
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// When the prices were looked up, `YYYY-MM-DD`.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file, and its test"))]
    as_of: String,
    providers: BTreeMap<String, Provider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    /// Where the provider says its prices.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file, and its test"))]
    source: String,
    models: BTreeMap<String, Price>,
}

/// The list price of `provider/model`, whichever of its names the provider goes by: by its whole
/// name, else by the longest known name that it begins with up to a `-`, `.`, `:` or `@`: versions
/// with a date cost what the model costs.
pub(crate) fn list_price(name: &str) -> Option<Price> {
    if FREE.iter().any(|free| name.starts_with(free)) {
        return Some(Price::default());
    }
    let name = own_name(name);
    let (provider, model) = name.split_once('/')?;
    let models = &table().providers.get(provider)?.models;
    if let Some(price) = models.get(model) {
        return Some(*price);
    }
    let version = |known: &&String| {
        let rest = model.strip_prefix(known.as_str());
        rest.is_some_and(is_version)
    };
    models.keys().filter(version).max_by_key(|known| known.len()).map(|known| models[known])
}

/// Whether what follows a known name names a version of it, and not another model (`-mini`).
fn is_version(rest: &str) -> bool {
    let mut chars = rest.chars();
    let parted = chars.next().is_some_and(|c| matches!(c, '-' | '@' | ':'));
    let rest = chars.as_str();
    // 20250929, 2024-07-18, 2505; `-5` is another model.
    let date = rest.chars().take_while(char::is_ascii_digit).count() >= 4
        && rest.chars().all(|c| c.is_ascii_digit() || c == '-');
    parted && (date || rest == "latest" || rest == "preview" || rest.starts_with("preview-"))
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        // The file is ours, and a test reads it.
        serde_json::from_str(include_str!("prices.json"))
            .unwrap_or_else(|_| Table { as_of: String::new(), providers: BTreeMap::new() })
    })
}

impl Price {
    /// US dollars for the tokens of one request.
    pub(crate) fn of(&self, usage: Usage) -> f64 {
        if let Some(long) = self.long.filter(|long| usage.input_tokens > long.above) {
            let LongPrice { input, output, cached_input, cache_write, .. } = long;
            return Self { input, output, cached_input, cache_write, long: None }.of(usage);
        }
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 tokens")]
        let cost = |tokens: u64, price: f64| tokens as f64 / 1e6 * price;
        let (cached, written) = (usage.cached_input_tokens, usage.cache_write_tokens);
        let other = usage.input_tokens.saturating_sub(cached).saturating_sub(written);
        cost(other, self.input)
            + cost(cached, self.cached_input.unwrap_or(self.input))
            + cost(written, self.cache_write.unwrap_or(self.input))
            + cost(usage.output_tokens, self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let table: Table = serde_json::from_str(include_str!("prices.json"))
            .expect("prices.json is as it must be");
        table.as_of.parse::<jiff::civil::Date>().expect("a date");
        for (name, provider) in &table.providers {
            assert!(provider.source.starts_with("https://"), "{name}");
            assert!(!provider.models.is_empty(), "{name}");
            for (model, price) in &provider.models {
                let place = format!("{name}/{model}");
                // Vectors are not paid for.
                let least = if model.contains("embed") { 0.0 } else { price.input };
                assert!(price.input > 0.0 && price.output >= least, "{place}");
                assert!(price.output <= 1000.0, "{place}: for a million tokens");
                assert!(price.cached_input.is_none_or(|c| c < price.input), "{place}");
                assert!(price.cache_write.is_none_or(|w| w >= price.input), "{place}");
            }
        }
    }

    #[test]
    fn a_model_is_found_by_its_name_and_with_a_date() {
        let mini = list_price("openai/gpt-4o-mini").expect("known");
        assert_eq!((mini.input, mini.output), (0.15, 0.6));
        assert_eq!(list_price("openai/gpt-4o-mini-2024-07-18"), Some(mini));
        let whole = list_price("openai/gpt-4o-2024-11-20").expect("known");
        assert_ne!(whole, mini);
        assert_eq!(list_price("anthropic/claude-sonnet-4-5-20250929").map(|p| p.input), Some(3.0));
        for unknown in [
            "openai/gpt-4o-audio-preview",
            "openai/gpt-4o-minimal",
            "anthropic/claude-opus-5-6",
            "x/gpt-4o",
            "gpt-4o",
        ] {
            assert_eq!(list_price(unknown), None, "{unknown}");
        }
        assert_eq!(list_price("local/qwen.gguf"), Some(Price::default()));
        for (other, own) in [
            ("openai_responses/gpt-5.4", "openai/gpt-5.4"),
            ("google/gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ] {
            assert!(list_price(own).is_some(), "{own}");
            assert_eq!(list_price(other), list_price(own), "{other}");
        }
    }

    /// Models that the wires know and that have no price here, with the reason.
    const WITHOUT: [(&str, &[&str]); 3] = [
        (
            "a family or a generation: its models have names of their own, and what is left of them \
             is no longer on the page of prices",
            &[
                "anthropic/claude-3-5",
                "anthropic/claude-3-7",
                "anthropic/claude-3",
                "anthropic/claude-sonnet-4",
                "anthropic/claude-sonnet-4-0",
                "anthropic/claude-opus-4-0",
                "anthropic/claude-opus-4",
                "anthropic/claude-",
                "gemini/gemini-1",
                "gemini/gemini-2.0",
                "gemini/gemini-2.5",
                "gemini/gemma",
            ],
        ),
        (
            "not on the page of prices when it was read",
            &[
                "anthropic/claude-fable-5-2",
                "anthropic/claude-mythos-5-2",
                "anthropic/claude-mythos-5-1",
                "anthropic/claude-mythos-5",
            ],
        ),
        (
            "its price was not looked up at the provider's page",
            &[
                "gemini/gemini-3-flash",
                "gemini/gemini-3-pro",
                "gemini/gemini-3.1-flash-lite",
                "gemini/gemini-3.5-flash",
                "gemini/gemini-3.6-flash",
                "gemini/gemini-flash-lite-latest",
            ],
        ),
    ];

    #[test]
    fn the_models_that_wires_know_have_prices() {
        let known: Vec<String> = crate::model::wires::known_models().collect();
        let without: Vec<&str> =
            WITHOUT.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for name in &known {
            let stands = without.contains(&name.as_str());
            assert_ne!(list_price(name).is_some(), stands, "{name}: a price, or a reason for none");
        }
        for name in without {
            assert!(known.iter().any(|known| known == name), "{name}: no wire knows it");
        }
    }

    #[test]
    fn what_came_from_a_cache_costs_less() {
        let price = Price {
            input: 3.0,
            output: 15.0,
            cached_input: Some(0.3),
            cache_write: Some(3.75),
            long: None,
        };
        let usage = Usage::new(1_000_000, 100_000).cached(600_000, 200_000);
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found}");
        near(price.of(usage), 0.2 * 3.0 + 0.6 * 0.3 + 0.2 * 3.75 + 1.5);
        near(Price { cached_input: None, cache_write: None, ..price }.of(usage), 3.0 + 1.5);
        near(Price::default().of(usage), 0.0);
        let long = LongPrice { above: 999_999, input: 6.0, output: 30.0, ..LongPrice::default() };
        let tiered = Price { long: Some(long), ..price };
        near(tiered.of(usage), 6.0 + 3.0);
        near(tiered.of(Usage::new(999_999, 0)), price.of(Usage::new(999_999, 0)));
    }
}
