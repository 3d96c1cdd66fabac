//! Arithmetic expressions by precedence climbing. No library of the kind is small, maintained and
//! permissively licensed at once, and this is 150 lines.

/// The deepest nesting and the longest text: what fits any stack and no honest sum exceeds.
const DEPTH_LIMIT: u32 = 64;
const LENGTH_LIMIT: usize = 4096;

/// The value of an expression in `f64` arithmetic; `^` binds right and tighter than a minus sign
/// before it. A result that is not a finite number is an error.
pub(super) fn evaluate(text: &str) -> Result<f64, String> {
    if text.len() > LENGTH_LIMIT {
        return Err(format!("longer than {LENGTH_LIMIT} characters"));
    }
    let mut parser = Parser { text, position: 0 };
    let value = parser.sum(0)?;
    match parser.peek() {
        None if value.is_finite() => Ok(value),
        None => Err("the result is not a finite number".into()),
        Some(c) => Err(parser.unexpected(c)),
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.position..];
        let trimmed = rest.trim_start();
        self.position += rest.len() - trimmed.len();
        trimmed.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.position += wanted.len_utf8();
        }
        found
    }

    fn unexpected(&self, c: char) -> String {
        let column = self.text[..self.position].chars().count() + 1;
        format!("unexpected {c:?} at column {column}")
    }

    fn sum(&mut self, depth: u32) -> Result<f64, String> {
        if depth > DEPTH_LIMIT {
            return Err(format!("nested deeper than {DEPTH_LIMIT}"));
        }
        let mut value = self.product(depth)?;
        loop {
            if self.take('+') {
                value += self.product(depth)?;
            } else if self.take('-') || self.take('\u{2212}') {
                value -= self.product(depth)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self, depth: u32) -> Result<f64, String> {
        let mut value = self.signed(depth)?;
        loop {
            if self.take('*') || self.take('\u{d7}') {
                value *= self.signed(depth)?;
            } else if self.take('/') || self.take('\u{f7}') {
                let divisor = self.signed(depth)?;
                if divisor == 0.0 {
                    return Err("division by zero".into());
                }
                value /= divisor;
            } else if self.take('%') {
                let divisor = self.signed(depth)?;
                if divisor == 0.0 {
                    return Err("division by zero".into());
                }
                value %= divisor;
            } else {
                return Ok(value);
            }
        }
    }

    fn signed(&mut self, depth: u32) -> Result<f64, String> {
        let mut negative = false;
        loop {
            if self.take('-') || self.take('\u{2212}') {
                negative = !negative;
            } else if !self.take('+') {
                break;
            }
        }
        let value = self.power(depth)?;
        Ok(if negative { -value } else { value })
    }

    fn power(&mut self, depth: u32) -> Result<f64, String> {
        if depth > DEPTH_LIMIT {
            return Err(format!("nested deeper than {DEPTH_LIMIT}"));
        }
        let base = self.atom(depth)?;
        if self.take('^') {
            // Right associative, and the exponent may carry a sign of its own.
            let negative = self.take('-');
            let exponent = self.power(depth + 1)?;
            return Ok(base.powf(if negative { -exponent } else { exponent }));
        }
        Ok(base)
    }

    fn atom(&mut self, depth: u32) -> Result<f64, String> {
        match self.peek() {
            None => Err("the expression ends too early".into()),
            Some('(') => {
                self.take('(');
                let value = self.sum(depth + 1)?;
                self.close()?;
                Ok(value)
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.name(depth),
            Some(c) => Err(self.unexpected(c)),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        if self.take(')') {
            return Ok(());
        }
        match self.peek() {
            Some(c) => Err(self.unexpected(c)),
            None => Err("a closing parenthesis is missing".into()),
        }
    }

    fn number(&mut self) -> Result<f64, String> {
        let rest = &self.text[self.position..];
        let bytes = rest.as_bytes();
        let mut end = 0;
        while end < bytes.len() && (bytes[end].is_ascii_digit() || bytes[end] == b'.') {
            end += 1;
        }
        if end < bytes.len() && bytes[end].eq_ignore_ascii_case(&b'e') {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let digits = bytes[end + 1 + sign..].iter().take_while(|b| b.is_ascii_digit()).count();
            if digits > 0 {
                end += 1 + sign + digits;
            }
        }
        let number = &rest[..end];
        let value = number.parse().map_err(|_| format!("{number:?} is not a number"))?;
        self.position += end;
        Ok(value)
    }

    fn name(&mut self, depth: u32) -> Result<f64, String> {
        let rest = &self.text[self.position..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        self.position += end;
        match name.as_str() {
            "pi" => return Ok(std::f64::consts::PI),
            "e" => return Ok(std::f64::consts::E),
            _ => {}
        }
        if !self.take('(') {
            return Err(format!("{name:?} is not known here"));
        }
        let mut arguments = vec![self.sum(depth + 1)?];
        while self.take(',') {
            arguments.push(self.sum(depth + 1)?);
        }
        self.close()?;
        call(&name, &arguments)
    }
}

fn call(name: &str, arguments: &[f64]) -> Result<f64, String> {
    Ok(match (name, arguments) {
        ("sqrt", [x]) => x.sqrt(),
        ("abs", [x]) => x.abs(),
        ("floor", [x]) => x.floor(),
        ("ceil", [x]) => x.ceil(),
        ("round", [x]) => x.round(),
        ("ln", [x]) => x.ln(),
        ("log10", [x]) => x.log10(),
        ("exp", [x]) => x.exp(),
        ("sin", [x]) => x.sin(),
        ("cos", [x]) => x.cos(),
        ("tan", [x]) => x.tan(),
        ("pow", [x, y]) => x.powf(*y),
        ("min", [first, rest @ ..]) => rest.iter().copied().fold(*first, f64::min),
        ("max", [first, rest @ ..]) => rest.iter().copied().fold(*first, f64::max),
        _ => return Err(format!("no function {name:?} of {} argument(s)", arguments.len())),
    })
}

#[cfg(test)]
mod tests {
    use super::evaluate;

    #[test]
    fn precedence_and_associativity_are_those_of_school() {
        for (text, value) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("2 ^ 3 ^ 2", 512.0),
            ("-2 ^ 2", -4.0),
            ("2 ^ -1", 0.5),
            ("10 - 4 - 3", 3.0),
            ("7 % 4 + 1e2", 103.0),
            ("max(1, min(5, 9), 3) * sqrt(16)", 20.0),
            ("--3", 3.0),
            (".5 * 4", 2.0),
        ] {
            assert_eq!(evaluate(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn nonsense_is_an_error_and_never_a_panic() {
        for text in [
            "",
            "1 +",
            "(1",
            "1)",
            "1 / 0",
            "5 % 0",
            "foo(1)",
            "sqrt(-1)",
            "1..2",
            "2 2",
            "\u{fc}",
            "10 ^ 400",
            "min()",
            "pi(",
            "1 +\u{20ac}",
        ] {
            assert!(evaluate(text).is_err(), "{text}");
        }
        assert!(evaluate(&"(".repeat(2000)).is_err());
        assert!(evaluate(&"2^".repeat(1500)).is_err());
        assert!(evaluate(&"-".repeat(3000)).is_err());
        assert!(evaluate(&"1+".repeat(5000)).is_err());
    }
}
