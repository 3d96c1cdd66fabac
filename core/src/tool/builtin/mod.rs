//! The built-in tools.

mod calculator;
mod datetime;
mod expression;

use std::sync::Arc;

use super::Tool;

/// One of each.
pub(super) fn all() -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(calculator::Calculator::new()), Arc::new(datetime::DateTime::new())]
}
