//! What a plain text of YAML means: nothing, true, a number, or itself.

use saphyr_parser::ScalarStyle;

use super::node::Value;

/// Whether JSON keeps a whole number as it is.
fn is_exact(number: &i128) -> bool {
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(number)
}

/// YAML 1.2 core schema, section 10.3.2. Quoted and block texts are always texts.
pub(super) fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let radix = |prefix: &str, radix| -> Option<i128> {
        let digits = text.strip_prefix(prefix)?;
        // Rust would take a sign as well.
        let is_number = digits.starts_with(|c: char| c.is_ascii_hexdigit());
        is_number.then(|| i128::from_str_radix(digits, radix).ok().filter(is_exact)).flatten()
    };
    if let Some(value) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Value::Int(value);
    }
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if text.chars().all(numeric) && text.contains(|c: char| c.is_ascii_digit()) {
        if let Some(value) = text.parse().ok().filter(is_exact) {
            return Value::Int(value);
        }
        if let Ok(value) = text.parse() {
            return Value::Float(value);
        }
    }
    Value::Text(text.to_owned())
}
