//! Which token follows: the most likely one, or one that is drawn.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::tokenizer::Token;
use crate::error::{Error, Result};
use crate::model::ChatRequest;

/// How tokens are drawn. What a request does not say is as llama.cpp has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sampling {
    pub(super) temperature: f32,
    pub(super) top_k: usize,
    pub(super) top_p: f32,
    pub(super) min_p: f32,
    /// Divides the numbers of tokens that were there before; 1 does nothing.
    pub(super) repeat_penalty: f32,
    /// How many tokens before are looked at for it.
    pub(super) repeat_last: usize,
    pub(super) seed: u64,
}

impl Sampling {
    /// As the request says; `top_k`, `min_p`, `repeat_penalty` and `repeat_last_n` are provider
    /// options.
    #[expect(clippy::cast_possible_truncation, reason = "all of these are small numbers")]
    pub(super) fn of(request: &ChatRequest) -> Result<Self> {
        let options = &request.provider_options;
        let size = |key: &str, default: usize| -> Result<usize> {
            match options.get(key) {
                None | Some(Value::Null) => Ok(default),
                Some(value) => value
                    .as_u64()
                    .and_then(|number| usize::try_from(number).ok())
                    .ok_or_else(|| wrong(key, "a whole number from 0 on")),
            }
        };
        let sampling = Self {
            temperature: request.temperature.unwrap_or(0.8) as f32,
            top_k: size("top_k", 40)?,
            top_p: request.top_p.unwrap_or(0.95) as f32,
            min_p: number(options, "min_p", 0.05)?,
            repeat_penalty: number(options, "repeat_penalty", 1.0)?,
            repeat_last: size("repeat_last_n", 64)?.min(8_192),
            seed: request.seed.map_or_else(random, i64::cast_unsigned),
        };
        if !(0.0..=100.0).contains(&sampling.temperature) {
            return Err(wrong("temperature", "a number from 0 on"));
        }
        if !(0.0..=1.0).contains(&sampling.top_p) || !(0.0..=1.0).contains(&sampling.min_p) {
            return Err(wrong("top_p and min_p", "numbers from 0 to 1"));
        }
        if sampling.repeat_penalty <= 0.0 || !sampling.repeat_penalty.is_finite() {
            return Err(wrong("repeat_penalty", "a number above 0"));
        }
        Ok(sampling)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "all of these are small numbers")]
fn number(options: &Map<String, Value>, key: &str, default: f32) -> Result<f32> {
    match options.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value.as_f64().map(|n| n as f32).ok_or_else(|| wrong(key, "a number")),
    }
}

fn wrong(key: &str, what: &str) -> Error {
    Error::invalid_argument(format!("`{key}` of a local model must be {what}"))
}

/// A seed for who gave none. Hash maps get theirs from the system.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0u64)
}

/// Draws the tokens of one answer.
#[derive(Debug)]
pub(super) struct Sampler {
    sampling: Sampling,
    state: u64,
    candidates: Vec<(f32, Token)>,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        Self { state: sampling.seed, sampling, candidates: Vec::new() }
    }

    /// The next token of those that are `allowed`, after `before`; `None` when there is none, or
    /// the model gave no numbers.
    pub(super) fn pick(
        &mut self,
        logits: &[f32],
        allowed: Option<&dyn Fn(Token) -> bool>,
        before: &[Token],
    ) -> Option<Token> {
        let penalty = self.sampling.repeat_penalty;
        #[expect(clippy::float_cmp, reason = "1 is given as 1")]
        let counted = if penalty == 1.0 { 0 } else { self.sampling.repeat_last };
        let recent: HashSet<Token> =
            before[before.len().saturating_sub(counted)..].iter().copied().collect();
        let greedy = self.sampling.temperature <= 0.0;
        let most = match self.sampling.top_k {
            _ if greedy => 1,
            0 => usize::MAX,
            most => most,
        };
        self.candidates.clear();
        let mut least = f32::NEG_INFINITY;
        for (token, logit) in (0..).zip(logits) {
            let mut logit = *logit;
            // Cheap things first: there are a hundred thousand tokens.
            if !(logit > least || penalty < 1.0) || logit == f32::NEG_INFINITY {
                continue;
            }
            if allowed.is_some_and(|allowed| !allowed(token)) {
                continue;
            }
            if !recent.is_empty() && recent.contains(&token) {
                logit = if logit > 0.0 { logit / penalty } else { logit * penalty };
                if logit <= least {
                    continue;
                }
            }
            self.candidates.push((logit, token));
            if most <= 256 && self.candidates.len() >= 2 * most.max(16) {
                least = self.keep(most);
            }
        }
        self.keep(most);
        let first = *self.candidates.first()?;
        if greedy { Some(first.1) } else { self.draw(first.0) }
    }

    /// Keeps the most likely ones, in order; of equal ones the first. The number of the last.
    fn keep(&mut self, most: usize) -> f32 {
        let order = |a: &(f32, Token), b: &(f32, Token)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if self.candidates.len() > most {
            self.candidates.select_nth_unstable_by(most - 1, order);
            self.candidates.truncate(most);
        }
        self.candidates.sort_unstable_by(order);
        match self.candidates.last() {
            Some((logit, _)) if self.candidates.len() == most => *logit,
            _ => f32::NEG_INFINITY,
        }
    }

    fn draw(&mut self, top: f32) -> Option<Token> {
        // What is kept is decided before the temperature, as llama.cpp does.
        let chance = |logit: f32| f64::from(logit - top).exp();
        let all: f64 = self.candidates.iter().map(|(logit, _)| chance(*logit)).sum();
        let (mut sum, mut count) = (0.0, 0);
        for (logit, _) in &self.candidates {
            let share = chance(*logit);
            let enough = sum >= f64::from(self.sampling.top_p) * all;
            if count > 0 && (enough || share < f64::from(self.sampling.min_p)) {
                break;
            }
            sum += share;
            count += 1;
        }
        self.candidates.truncate(count);
        let temperature = f64::from(self.sampling.temperature);
        let warm = |logit: f32| (f64::from(logit - top) / temperature).exp();
        let all: f64 = self.candidates.iter().map(|(logit, _)| warm(*logit)).sum();
        let mut at = self.uniform() * all;
        for (logit, token) in &self.candidates {
            at -= warm(*logit);
            if at < 0.0 {
                return Some(*token);
            }
        }
        self.candidates.last().map(|(_, token)| *token)
    }

    /// A number from 0 to 1, without 1: SplitMix64, which is the same everywhere and for ever.
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::{Sampler, Sampling};

    fn sampling(temperature: f32, top_k: usize, top_p: f32, min_p: f32) -> Sampling {
        Sampling { temperature, top_k, top_p, min_p, repeat_penalty: 1.0, repeat_last: 64, seed: 5 }
    }

    fn shares(sampling: Sampling, logits: &[f32]) -> Vec<f64> {
        let mut sampler = Sampler::new(sampling);
        let mut counts = vec![0.0; logits.len()];
        for _ in 0..20_000 {
            counts[sampler.pick(logits, None, &[]).unwrap() as usize] += 1.0 / 20_000.0;
        }
        counts
    }

    #[test]
    fn tokens_are_drawn_as_often_as_they_are_likely() {
        let logits = [1.0f32, 3.0, 2.0, -4.0, 0.0];
        let all: f64 = logits.iter().map(|x| f64::from(*x).exp()).sum();
        let found = shares(sampling(1.0, 0, 1.0, 0.0), &logits);
        for (found, logit) in found.iter().zip(&logits) {
            assert!((found - f64::from(*logit).exp() / all).abs() < 0.015);
        }
        let cold = shares(sampling(0.1, 0, 1.0, 0.0), &logits);
        assert!(cold[1] > 0.999);
    }

    #[test]
    fn what_is_cut_off_is_never_drawn() {
        let logits = [1.0f32, 3.0, 2.0, -4.0, 0.0];
        let none =
            |shares: Vec<f64>| -> Vec<usize> { (0..5).filter(|i| shares[*i] == 0.0).collect() };
        assert_eq!(none(shares(sampling(1.0, 2, 1.0, 0.0), &logits)), [0, 3, 4]);
        // 3 has 0.64 of all, 2 has 0.24.
        assert_eq!(none(shares(sampling(1.0, 0, 0.6, 0.0), &logits)), [0, 2, 3, 4]);
        assert_eq!(none(shares(sampling(1.0, 0, 0.7, 0.0), &logits)), [0, 3, 4]);
        // 1 is e^-2 = 0.135 as likely as 3.
        assert_eq!(none(shares(sampling(1.0, 0, 1.0, 0.13), &logits)), [3, 4]);
        assert_eq!(none(shares(sampling(1.0, 0, 1.0, 0.14), &logits)), [0, 3, 4]);
    }

    #[test]
    fn greedy_takes_the_best_that_is_allowed_and_the_first_of_equal_ones() {
        let mut greedy = Sampler::new(sampling(0.0, 40, 0.9, 0.1));
        let mut logits = vec![0.0f32; 1000];
        (logits[700], logits[20], logits[999]) = (5.0, 5.0, 4.0);
        assert_eq!(greedy.pick(&logits, None, &[]), Some(20));
        assert_eq!(greedy.pick(&logits, Some(&|token| token > 20), &[]), Some(700));
        assert_eq!(greedy.pick(&logits, Some(&|token| token > 700), &[]), Some(999));
        assert_eq!(greedy.pick(&logits, Some(&|_| false), &[]), None);
        logits.fill(f32::NAN);
        assert_eq!(greedy.pick(&logits, None, &[]), None);
    }

    #[test]
    fn what_was_said_is_said_less() {
        let mut sampler = Sampler::new(Sampling {
            repeat_penalty: 2.0,
            repeat_last: 2,
            ..sampling(0.0, 40, 1.0, 0.0)
        });
        let logits = [4.0, 3.0, -1.0];
        assert_eq!(sampler.pick(&logits, None, &[0]), Some(1));
        assert_eq!(sampler.pick(&logits, None, &[0, 2, 2]), Some(0), "too long ago");
        assert_eq!(sampler.pick(&[-1.0, -1.5], None, &[0]), Some(1));
    }

    #[test]
    fn a_seed_gives_the_same_again() {
        let logits: Vec<f32> = (0..5_000).map(|i| ((i * 7919) % 1000) as f32 / 300.0).collect();
        let of = |seed: u64| -> Vec<u32> {
            let mut sampler = Sampler::new(Sampling { seed, ..sampling(1.0, 40, 0.95, 0.05) });
            (0..50).map(|_| sampler.pick(&logits, None, &[]).unwrap()).collect()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
