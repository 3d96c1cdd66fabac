//! Lines of an archive: each row has exactly one text, so that a hash over texts is one over rows.
//!
//! Columns stand in the order of their names without white space, numbers are whole, bytes are
//! base64, and a number of a vector is the shortest decimal that is read back as the same 32 bits.

use serde_json::Value as Json;

use super::base64;
use super::tables::{Kind, Shape, TENANT, Table};
use crate::error::{Code, Error, Result};
use crate::store::tx::{Cell, FromCell};

/// The number of this form.
pub(super) const FORMAT: u64 = 1;
/// The most bytes of a line.
pub(super) const LINE_LIMIT: usize = 64 * 1024 * 1024;
/// The most numbers of a vector: what pgvector holds.
const LONGEST_VECTOR: usize = 16_000;

/// The line of a row, with its line break.
///
/// # Errors
/// [`Code::StoreCorrupt`] for a row that cannot be written so that it can be read again.
pub(super) fn of_row(table: &Table, cells: &[Cell]) -> Result<String> {
    let mut line = format!("{{\"table\":\"{}\",\"row\":", table.name);
    write_row(table, cells, &mut line)?;
    line.push_str("}\n");
    bounded(table, line)
}

/// The first line, with its line break.
pub(super) fn of_tenant(cells: &[Cell]) -> Result<String> {
    let mut line = format!("{{\"aikit\":\"tenant\",\"format\":{FORMAT},\"tenant\":");
    write_row(&TENANT, cells, &mut line)?;
    line.push_str("}\n");
    bounded(&TENANT, line)
}

fn bounded(table: &Table, line: String) -> Result<String> {
    if line.len() <= LINE_LIMIT {
        return Ok(line);
    }
    let message = format!(
        "a row of {} is a line of {} bytes: {LINE_LIMIT} is the most",
        table.name,
        line.len()
    );
    Err(Error::new(Code::ArchiveInvalid, message)
        .hint("remove what is that large from the tenant, and export it again"))
}

fn write_row(table: &Table, cells: &[Cell], out: &mut String) -> Result<()> {
    for (i, (column, cell)) in table.columns.iter().zip(cells).enumerate() {
        out.push_str(if i == 0 { "{\"" } else { ",\"" });
        out.push_str(column.name);
        out.push_str("\":");
        let written = match (column.kind, cell) {
            (_, Cell::Null) if column.optional => {
                out.push_str("null");
                true
            }
            (Kind::Text | Kind::Word(_) | Kind::Json(_), Cell::Text(text)) => {
                out.push_str(&Json::from(text.as_str()).to_string());
                true
            }
            (Kind::Number(_), Cell::Int(number)) => {
                out.push_str(&number.to_string());
                true
            }
            (Kind::Bytes, Cell::Blob(bytes)) => {
                out.push('"');
                base64::encode(bytes, out);
                out.push('"');
                true
            }
            (Kind::Vector, cell) => {
                Vec::<f32>::from_cell(cell.clone()).is_some_and(|vector| write_vector(&vector, out))
            }
            _ => false,
        };
        if !written {
            let message = format!("{}.{} holds what it cannot hold", table.name, column.name);
            return Err(Error::new(Code::StoreCorrupt, message)
                .hint("look at the database (aikit db check), or restore a backup"));
        }
    }
    out.push('}');
    Ok(())
}

/// False for numbers that are none.
fn write_vector(vector: &[f32], out: &mut String) -> bool {
    for (i, number) in vector.iter().enumerate() {
        out.push(if i == 0 { '[' } else { ',' });
        out.push_str(&number.to_string());
    }
    out.push(']');
    !vector.is_empty() && vector.iter().all(|number| number.is_finite())
}

/// A vector as the text of its numbers, which pgvector reads.
pub(super) fn vector_text(vector: &[f32]) -> String {
    let mut text = String::new();
    write_vector(vector, &mut text);
    text
}

/// The cells of a row in an archive, in the order of the table's columns; or what is wrong with it.
/// `line` is the whole line.
pub(super) fn cells(table: &Table, row: &Json, line: &str) -> Result<Vec<Cell>, String> {
    let Json::Object(row) = row else { return Err("a row is an object".into()) };
    if let Some(name) = row.keys().find(|name| table.position(name).is_none()) {
        return Err(format!("{} has no column {name:?}", table.name));
    }
    let read = |column: &super::tables::Column| {
        let fail = |what: &str| format!("{}.{} {what}", table.name, column.name);
        match (column.kind, row.get(column.name)) {
            (_, None) => Err(fail("is missing")),
            (_, Some(Json::Null)) if column.optional => Ok(Cell::Null),
            (Kind::Text, Some(Json::String(text))) => Ok(Cell::Text(text.clone())),
            (Kind::Word(words), Some(Json::String(text))) if words.contains(&text.as_str()) => {
                Ok(Cell::Text(text.clone()))
            }
            (Kind::Word(words), _) => Err(fail(&format!("is none of {}", words.join(", ")))),
            (Kind::Json(shape), Some(Json::String(text))) if shape.fits(text) => {
                Ok(Cell::Text(text.clone()))
            }
            (Kind::Json(_), Some(Json::String(_))) => Err(fail("is not the JSON it should be")),
            (Kind::Number(least), Some(Json::Number(number))) => number
                .as_i64()
                .filter(|number| *number >= least)
                .map(Cell::Int)
                .ok_or_else(|| fail(&format!("is no whole number from {least}"))),
            (Kind::Bytes, Some(Json::String(text))) => {
                base64::decode(text).map(Cell::Blob).ok_or_else(|| fail("is not base64"))
            }
            (Kind::Vector, Some(Json::Array(_))) => read_vector(column.name, line)
                .map(Cell::Vector)
                .ok_or_else(|| fail(&format!("is no list of 1 to {LONGEST_VECTOR} numbers"))),
            (_, Some(_)) => Err(fail("is of a wrong type")),
        }
    };
    table.columns.iter().map(read).collect()
}

/// Reads the numbers from the text of the line: on the way through 64 bits some would be rounded
/// twice. A quote inside of a text has a backslash before it, so the name is found only where it is one.
fn read_vector(column: &str, line: &str) -> Option<Vec<f32>> {
    let (_, rest) = line.rsplit_once(&format!("\"{column}\":["))?;
    let (numbers, _) = rest.split_once(']')?;
    let vector: Vec<f32> =
        numbers.split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let fits = vector.len() <= LONGEST_VECTOR && vector.iter().all(|number| number.is_finite());
    fits.then_some(vector)
}

impl Shape {
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Any => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
            Self::Object => serde_json::from_str::<Json>(text).is_ok_and(|json| json.is_object()),
            Self::Words => serde_json::from_str::<Vec<String>>(text).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, cells, of_row, vector_text};
    use crate::store::archive::tables::{Table, VECTORS, table};

    fn vectors() -> &'static Table {
        table(VECTORS).expect("vectors").1
    }

    fn row(vector: Cell) -> Vec<Cell> {
        let text = |text: &str| Cell::Text(text.into());
        vec![text("c"), text("m"), Cell::Int(3), text("\",\"vector\":[9],\"\u{1}é"), vector]
    }

    #[test]
    fn a_row_is_read_back_as_it_was() {
        let numbers = [
            0.0,
            -0.0,
            0.1,
            1.0 / 3.0,
            f32::MIN_POSITIVE,
            f32::from_bits(1),
            f32::MAX,
            -f32::MAX,
            16_777_217.0,
            7.038_531e-26,
        ];
        let line = of_row(vectors(), &row(Cell::Vector(numbers.to_vec()))).expect("line");
        let json: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let read = cells(vectors(), &json["row"], &line).expect("cells");
        assert_eq!(read[..4], row(Cell::Null)[..4]);
        let Cell::Vector(vector) = &read[4] else { panic!("{read:?}") };
        let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(vector), bits(&numbers));
    }

    /// The blob of SQLite and the array of PostgreSQL.
    #[test]
    fn both_databases_give_the_same_line() {
        let vector = vec![0.25_f32, -1e-7];
        let blob = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
        let lines = [Cell::Blob(blob), Cell::Vector(vector)]
            .map(|vector| of_row(vectors(), &row(vector)).expect("line"));
        assert_eq!(lines[0], lines[1]);
        assert!(lines[0].ends_with("\"vector\":[0.25,-0.0000001]}}\n"), "{}", lines[0]);
        assert_eq!(vector_text(&[0.25, -1e-7]), "[0.25,-0.0000001]");
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        for vector in
            [Cell::Vector(vec![f32::NAN]), Cell::Vector(vec![]), Cell::Null, Cell::Blob(vec![1])]
        {
            of_row(vectors(), &row(vector)).expect_err("refused");
        }
    }
}
