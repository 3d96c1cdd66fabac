//! `datetime`: now, in any time zone, and dates a span away.

use async_trait::async_trait;
use jiff::{Span, Timestamp, Zoned, tz::TimeZone};
use serde_json::{Value, json};

use crate::error::{Code, Error, Result};
use crate::tool::{Context, Definition, Tool};

pub(super) struct DateTime(Definition);

impl DateTime {
    pub(super) fn new() -> Self {
        Self(Definition {
            name: "datetime".into(),
            description:
                "Tells date and time: now, or a given instant, in a time zone, optionally \
                          with a span added. Gives the RFC 3339 form, the weekday and the ISO week."
                    .into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "timezone": {
                        "type": "string",
                        "description": "IANA name, for instance Europe/Berlin; default UTC"
                    },
                    "at": {
                        "type": "string",
                        "description": "RFC 3339 instant to start from; default now"
                    },
                    "add": {
                        "type": "string",
                        "description": "ISO 8601 span to add, for instance P30D or -PT2H"
                    }
                },
                "additionalProperties": false
            }),
            timeout_ms: None,
        })
    }
}

fn bad(what: &str, value: &str, error: &jiff::Error, example: &str) -> Error {
    Error::new(Code::ToolFailed, format!("{value:?} is not {what}: {error}"))
        .hint(format!("for instance {example}"))
}

#[async_trait]
impl Tool for DateTime {
    fn definition(&self) -> &Definition {
        &self.0
    }

    async fn call(&self, arguments: Value, _: Context) -> Result<Value> {
        let text = |key: &str| arguments.get(key).and_then(Value::as_str);
        let zone = match text("timezone") {
            None => TimeZone::UTC,
            Some(name) => {
                TimeZone::get(name).map_err(|e| bad("a time zone", name, &e, "Europe/Berlin"))?
            }
        };
        let start = match text("at") {
            None => Timestamp::now(),
            Some(at) => {
                at.parse().map_err(|e| bad("an instant", at, &e, "2026-01-31T09:30:00Z"))?
            }
        };
        let mut moment: Zoned = start.to_zoned(zone);
        if let Some(add) = text("add") {
            let span: Span = add.parse().map_err(|e| bad("a span", add, &e, "P30D"))?;
            moment = moment
                .checked_add(span)
                .map_err(|e| bad("a span that can be added", add, &e, "P30D"))?;
        }
        let week = moment.date().iso_week_date();
        Ok(json!({
            "datetime": moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            "date": moment.date().to_string(),
            "weekday": moment.strftime("%A").to_string(),
            "iso_week": format!("{}-W{:02}", week.year(), week.week()),
            "timezone": moment.time_zone().iana_name().unwrap_or("UTC"),
        }))
    }
}
