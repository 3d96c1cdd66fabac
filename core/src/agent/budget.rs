//! What a run, and an agent on one day, may use: looked at before each call of a model with an
//! estimate, settled after it.

use serde_json::{Number, Value};

use super::event::EventKind;
use crate::error::{Code, Error, Result};
use crate::store::{DayUsage, Spent};

/// The part of a budget, in percent, of which a warning is given.
const WARN_AT: u64 = 80;

/// Bounds; absent: none. Money in millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BudgetLimits {
    pub(crate) tokens_per_run: Option<u64>,
    pub(crate) cost_micros_per_run: Option<u64>,
    pub(crate) agent_tokens_per_day: Option<u64>,
    pub(crate) agent_cost_micros_per_day: Option<u64>,
}

/// The budgets of one run.
#[derive(Debug, Default)]
pub(super) struct Budgets(Vec<Budget>);

#[derive(Debug)]
struct Budget {
    kind: Kind,
    limit: u64,
    warned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TokensPerRun,
    CostPerRun,
    TokensPerDay,
    CostPerDay,
}

/// What was used until now.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    /// By the run.
    pub(super) run: Spent,
    /// By the agent today, this run included.
    pub(super) day: DayUsage,
}

impl Budgets {
    pub(super) fn new(limits: BudgetLimits) -> Self {
        let all = [
            (Kind::TokensPerRun, limits.tokens_per_run),
            (Kind::CostPerRun, limits.cost_micros_per_run),
            (Kind::TokensPerDay, limits.agent_tokens_per_day),
            (Kind::CostPerDay, limits.agent_cost_micros_per_day),
        ];
        let budget = |(kind, limit): (Kind, Option<u64>)| {
            limit.map(|limit| Budget { kind, limit, warned: false })
        };
        Self(all.into_iter().filter_map(budget).collect())
    }

    /// Whether there is nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses a call that would go over a budget if it took what is estimated.
    ///
    /// # Errors
    /// [`Code::BudgetExceeded`].
    pub(super) fn check(&self, used: &Used, estimate: Spent) -> Result<()> {
        for budget in &self.0 {
            let (spent, wanted) = (budget.kind.used(used), budget.kind.of(estimate));
            if spent.saturating_add(wanted) > budget.limit {
                return Err(budget.exceeded(spent, wanted));
            }
        }
        Ok(())
    }

    /// The warnings that what was used gives for the first time.
    pub(super) fn warnings(&mut self, used: &Used) -> Vec<EventKind> {
        let mut warnings = Vec::new();
        for budget in self.0.iter_mut().filter(|budget| !budget.warned) {
            let spent = budget.kind.used(used);
            let near = u128::from(spent) * 100 >= u128::from(budget.limit) * u128::from(WARN_AT);
            if near && spent > 0 {
                budget.warned = true;
                warnings.push(EventKind::BudgetWarning {
                    budget: budget.kind.name(),
                    used: budget.kind.number(spent),
                    limit: budget.kind.number(budget.limit),
                });
            }
        }
        warnings
    }
}

impl Budget {
    fn exceeded(&self, spent: u64, wanted: u64) -> Error {
        let kind = self.kind;
        let shown = |amount| kind.shown(amount);
        let whose = if kind.is_of_day() { "the agent's" } else { "the run's" };
        Error::new(
            Code::BudgetExceeded,
            format!(
                "{whose} budget {} allows {}: {} are spent, and the next call of the model is \
                 estimated at {}",
                kind.name(),
                shown(self.limit),
                shown(spent),
                shown(wanted)
            ),
        )
        .at(kind.pointer())
        .hint(if kind.is_of_day() {
            "wait for the next day (UTC), or raise the limit in the spec"
        } else {
            "raise the budget in the spec or the run's options, or bound answers with \
             `intelligence.max_tokens`"
        })
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::TokensPerRun => "tokens_per_run",
            Self::CostPerRun => "cost_usd_per_run",
            Self::TokensPerDay => "llm_tokens_per_day",
            Self::CostPerDay => "cost_limit_usd_per_day",
        }
    }

    /// Where the spec has it.
    fn pointer(self) -> String {
        let block = if self.is_of_day() { "rate_limits" } else { "budget" };
        format!("/governance/{block}/{}", self.name())
    }

    fn is_of_day(self) -> bool {
        matches!(self, Self::TokensPerDay | Self::CostPerDay)
    }

    fn is_money(self) -> bool {
        matches!(self, Self::CostPerRun | Self::CostPerDay)
    }

    fn of(self, spent: Spent) -> u64 {
        match self {
            Self::TokensPerRun | Self::TokensPerDay => {
                spent.input_tokens.saturating_add(spent.output_tokens)
            }
            Self::CostPerRun | Self::CostPerDay => spent.cost_micros,
        }
    }

    fn used(self, used: &Used) -> u64 {
        let day = &used.day;
        match self {
            Self::TokensPerRun | Self::CostPerRun => self.of(used.run),
            Self::TokensPerDay => day.input_tokens.saturating_add(day.output_tokens),
            Self::CostPerDay => day.cost_micros,
        }
    }

    fn shown(self, amount: u64) -> String {
        if self.is_money() {
            return format!("{}.{:06} US dollars", amount / 1_000_000, amount % 1_000_000);
        }
        format!("{amount} tokens")
    }

    /// Tokens, or US dollars.
    fn number(self, amount: u64) -> Value {
        if !self.is_money() {
            return amount.into();
        }
        #[expect(clippy::cast_precision_loss, reason = "exact up to nine billion dollars")]
        let dollars = amount as f64 / 1e6;
        Number::from_f64(dollars).map_or(Value::Null, Value::Number)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spent(tokens: u64, cost_micros: u64) -> Spent {
        Spent { input_tokens: tokens, output_tokens: 0, cost_micros }
    }

    fn used(run: Spent, day_tokens: u64, day_cost: u64) -> Used {
        let day =
            DayUsage { output_tokens: day_tokens, cost_micros: day_cost, ..DayUsage::default() };
        Used { run, day }
    }

    #[test]
    fn each_budget_is_compared_with_what_was_spent_and_an_estimate() {
        let none = BudgetLimits::default();
        let limits = [
            (BudgetLimits { tokens_per_run: Some(100), ..none }, "tokens_per_run", "the run's"),
            (
                BudgetLimits { cost_micros_per_run: Some(100), ..none },
                "cost_usd_per_run",
                "the run's",
            ),
            (
                BudgetLimits { agent_tokens_per_day: Some(100), ..none },
                "llm_tokens_per_day",
                "the agent's",
            ),
            (
                BudgetLimits { agent_cost_micros_per_day: Some(100), ..none },
                "cost_limit_usd_per_day",
                "the agent's",
            ),
        ];
        let now = used(spent(60, 60), 60, 60);
        for (limits, name, whose) in limits {
            let budgets = Budgets::new(limits);
            budgets.check(&now, spent(40, 40)).expect("fits");
            let error = budgets.check(&now, spent(41, 41)).expect_err("does not fit");
            assert_eq!(error.code(), Code::BudgetExceeded);
            let wanted = format!("{whose} budget {name} allows ");
            assert!(error.message().starts_with(&wanted), "{error}");
            assert!(error.path().is_some_and(|path| path.ends_with(name)), "{error}");
            let (limit, spent, call) = match name.contains("cost") {
                true => ("0.000100 US dollars", "0.000060 US dollars", "0.000041 US dollars"),
                false => ("100 tokens", "60 tokens", "41 tokens"),
            };
            for part in [limit, spent, call] {
                assert!(error.message().contains(part), "{error}");
            }
        }
        Budgets::new(none).check(&now, spent(u64::MAX, u64::MAX)).expect("no budget");
        assert!(Budgets::new(none).is_empty());
    }

    #[test]
    fn a_warning_comes_once_when_four_fifths_are_spent() {
        let limits = BudgetLimits {
            tokens_per_run: Some(100),
            cost_micros_per_run: Some(2_500_000),
            ..BudgetLimits::default()
        };
        let mut budgets = Budgets::new(limits);
        assert!(budgets.warnings(&used(spent(79, 0), 0, 0)).is_empty());
        let first = budgets.warnings(&used(spent(80, 1_999_999), 0, 0));
        let [EventKind::BudgetWarning { budget, used: now, limit }] = &first[..] else {
            panic!("{first:?}")
        };
        assert_eq!((*budget, now, limit), ("tokens_per_run", &json!(80), &json!(100)));
        let second = budgets.warnings(&used(spent(99, 2_000_000), 0, 0));
        let [EventKind::BudgetWarning { budget, used: now, limit }] = &second[..] else {
            panic!("{second:?}")
        };
        assert_eq!((*budget, now, limit), ("cost_usd_per_run", &json!(2.0), &json!(2.5)));
        assert!(budgets.warnings(&used(spent(1000, 9_000_000), 0, 0)).is_empty());
    }

    #[test]
    fn a_budget_of_nothing_allows_nothing_and_warns_of_nothing() {
        let mut budgets =
            Budgets::new(BudgetLimits { tokens_per_run: Some(0), ..BudgetLimits::default() });
        budgets.check(&Used::default(), spent(1, 0)).expect_err("nothing");
        assert!(budgets.warnings(&Used::default()).is_empty());
    }
}
