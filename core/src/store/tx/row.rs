//! What comes out of a statement.

use crate::error::{Code, Error, Result};

/// One value of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::store) enum Cell {
    #[default]
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    Vector(Vec<f32>),
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) struct Row(pub(super) Vec<Cell>);

impl Row {
    pub(in crate::store) fn new(cells: Vec<Cell>) -> Self {
        Self(cells)
    }

    /// Takes the value of a column, from 0, out of the row.
    ///
    /// # Errors
    /// [`Code::StoreCorrupt`] if it is of another type.
    pub(in crate::store) fn take<T: FromCell>(&mut self, column: usize) -> Result<T> {
        let cell = self.0.get_mut(column).map(std::mem::take).unwrap_or_default();
        T::from_cell(cell).ok_or_else(|| {
            Error::new(Code::StoreCorrupt, format!("column {column} of a row is of a wrong type"))
                .hint("restore a backup, or please report this")
        })
    }
}

/// A type that a column is read as.
pub(in crate::store) trait FromCell: Sized {
    fn from_cell(cell: Cell) -> Option<Self>;
}

impl FromCell for Cell {
    fn from_cell(cell: Cell) -> Option<Self> {
        Some(cell)
    }
}

impl FromCell for String {
    fn from_cell(cell: Cell) -> Option<Self> {
        if let Cell::Text(text) = cell { Some(text) } else { None }
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: Cell) -> Option<Self> {
        if let Cell::Blob(bytes) = cell { Some(bytes) } else { None }
    }
}

impl FromCell for Vec<f32> {
    fn from_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Vector(vector) => Some(vector),
            Cell::Blob(bytes) if bytes.len().is_multiple_of(4) => Some(
                bytes
                    .chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect(),
            ),
            _ => None,
        }
    }
}

impl FromCell for i64 {
    fn from_cell(cell: Cell) -> Option<Self> {
        if let Cell::Int(number) = cell { Some(number) } else { None }
    }
}

impl FromCell for u64 {
    fn from_cell(cell: Cell) -> Option<Self> {
        i64::from_cell(cell)?.try_into().ok()
    }
}

impl FromCell for u32 {
    fn from_cell(cell: Cell) -> Option<Self> {
        i64::from_cell(cell)?.try_into().ok()
    }
}

impl FromCell for bool {
    fn from_cell(cell: Cell) -> Option<Self> {
        i64::from_cell(cell).map(|number| number != 0)
    }
}

impl FromCell for f64 {
    fn from_cell(cell: Cell) -> Option<Self> {
        if let Cell::Real(number) = cell { Some(number) } else { None }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell) -> Option<Self> {
        if cell == Cell::Null { Some(None) } else { T::from_cell(cell).map(Some) }
    }
}
