//! What goes into a statement.

use crate::store::{SpecStatus, specs::SpecChange};

/// A value for a statement.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum Value<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(&'v str),
    Blob(&'v [u8]),
    /// On SQLite a blob of little-endian numbers, on PostgreSQL an array of `real`.
    Vector(&'v [f32]),
    /// Arrays, on PostgreSQL only.
    Ints(&'v [i64]),
    Texts(&'v [String]),
}

/// The values of a statement, each of a type that [`Value`] is made from.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::tx::Value::from($value)),*] };
}
pub(in crate::store) use values;

macro_rules! from {
    ($($type:ty, $value:ident => $made:expr;)*) => {
        $(impl<'v> From<$type> for Value<'v> {
            fn from($value: $type) -> Self { $made }
        })*
    };
}

from! {
    bool, value => Self::Bool(value);
    i64, value => Self::Int(value);
    &'v [i64], value => Self::Ints(value);
    &'v [String], value => Self::Texts(value);
    u32, value => Self::Int(value.into());
    u64, value => Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    usize, value => Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    f64, value => Self::Real(value);
    &'v str, value => Self::Text(value);
    &'v String, value => Self::Text(value);
    &'v [u8], value => Self::Blob(value);
    &'v Vec<u8>, value => Self::Blob(value);
    &'v [f32], value => Self::Vector(value);
    &'v Vec<f32>, value => Self::Vector(value);
    SpecStatus, value => Self::Text(value.as_str());
    SpecChange, value => Self::Text(value.as_str());
}

impl<'v, T: Into<Self>> From<Option<T>> for Value<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
