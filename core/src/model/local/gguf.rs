//! Reads the head of a GGUF file: what is said about the model, and where its tensors are.
//!
//! Our own and not candle's: candle copies every tensor out of the file, and here the file stays
//! where it is. Every count and size is held against the bytes that are there before anything is
//! made of it, so that no file, however damaged, costs more memory than it has bytes.

use std::collections::HashMap;
use std::ops::Range;

use crate::error::{Code, Error, Result};
use aikit_kernels::quantised::Format;

/// Tensors have at most this many dimensions.
const MAX_DIMS: u32 = 4;
/// Arrays of arrays are read this deep.
const MAX_DEPTH: u32 = 4;
/// The longest name or key.
const MAX_NAME: u64 = 65_535;

/// The error for a file that is damaged or of an unsupported kind.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::ModelFileInvalid, message)
}

/// What every file begins with.
const MAGIC: &[u8] = b"GGUF";

/// Whether a file that begins so may be one.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    bytes.iter().zip(MAGIC).all(|(byte, magic)| byte == magic)
}

/// The error for a file of another kind.
pub(super) fn no_gguf() -> Error {
    invalid("this is not a GGUF file")
        .hint("models in the process are GGUF files, as llama.cpp reads them")
}

/// The head of a file.
#[derive(Debug, Default)]
pub(super) struct Gguf {
    values: HashMap<String, Value>,
    tensors: HashMap<String, Tensor>,
}

/// Something that is said about the model.
#[derive(Clone, Debug)]
enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(Range<usize>),
    Array { kind: u32, count: usize, bytes: Range<usize> },
}

/// Where a tensor is. All of it is inside of the file.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub(super) format: Format,
    /// Elements of a row.
    pub(super) cols: usize,
    /// Rows, all further dimensions taken together.
    pub(super) rows: usize,
    pub(super) bytes: Range<usize>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        if count > self.left() {
            return Err(invalid("the model file ends in the middle of its head")
                .hint("it may not have been downloaded whole"));
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of things that take at least `each` bytes.
    fn count(&mut self, each: usize) -> Result<usize> {
        let count = self.u64()?;
        let fits = self.left() / each;
        usize::try_from(count).ok().filter(|count| *count <= fits).ok_or_else(|| {
            invalid(format!("the model file says that {count} things follow, and it is too short"))
        })
    }

    fn text(&mut self) -> Result<Range<usize>> {
        let count = self.count(1)?;
        let start = self.at;
        self.take(count)?;
        Ok(start..self.at)
    }

    fn name(&mut self) -> Result<String> {
        let range = self.text()?;
        if range.len() as u64 > MAX_NAME {
            return Err(invalid("a name in the model file is longer than names are"));
        }
        Ok(String::from_utf8_lossy(&self.bytes[range]).into_owned())
    }

    fn value(&mut self, kind: u32, depth: u32) -> Result<Value> {
        Ok(match kind {
            0 => Value::Unsigned(u64::from(self.array::<1>()?[0])),
            1 => Value::Signed(i64::from(i8::from_le_bytes(self.array()?))),
            2 => Value::Unsigned(u64::from(u16::from_le_bytes(self.array()?))),
            3 => Value::Signed(i64::from(i16::from_le_bytes(self.array()?))),
            4 => Value::Unsigned(u64::from(self.u32()?)),
            5 => Value::Signed(i64::from(i32::from_le_bytes(self.array()?))),
            6 => Value::Float(f64::from(f32::from_le_bytes(self.array()?))),
            7 => Value::Bool(self.array::<1>()?[0] != 0),
            8 => Value::Text(self.text()?),
            9 => return self.list(depth),
            10 => Value::Unsigned(self.u64()?),
            11 => Value::Signed(i64::from_le_bytes(self.array()?)),
            12 => Value::Float(f64::from_le_bytes(self.array()?)),
            other => {
                return Err(invalid(format!("the model file has a value of unknown type {other}")));
            }
        })
    }

    fn list(&mut self, depth: u32) -> Result<Value> {
        if depth >= MAX_DEPTH {
            return Err(invalid("the model file nests its lists too deeply"));
        }
        let kind = self.u32()?;
        let fixed = fixed_size(kind);
        let count = self.count(fixed.unwrap_or(8))?;
        let start = self.at;
        match fixed {
            Some(size) => {
                self.take(count * size)?;
            }
            None => {
                for _ in 0..count {
                    self.value(kind, depth + 1)?;
                }
            }
        }
        Ok(Value::Array { kind, count, bytes: start..self.at })
    }
}

fn fixed_size(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

impl Gguf {
    /// Reads the head and checks that every tensor lies inside of the file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader { bytes, at: 0 };
        if bytes.len() < 24 || reader.take(4)? != MAGIC {
            return Err(no_gguf());
        }
        match reader.u32()? {
            2 | 3 => {}
            version if version.swap_bytes() <= 0xFFFF => {
                return Err(invalid("the model file is big-endian, which is not supported"));
            }
            version => {
                return Err(invalid(format!(
                    "GGUF version {version} is not supported, 2 and 3 are"
                )));
            }
        }
        // A tensor is described by at least 24 bytes, a value by 13.
        let tensors = reader.count(24)?;
        let values = reader.count(13)?;
        let mut gguf = Self::default();
        for _ in 0..values {
            let key = reader.name()?;
            let kind = reader.u32()?;
            let value = reader.value(kind, 0)?;
            gguf.values.insert(key, value);
        }
        let mut found = Vec::new();
        for _ in 0..tensors {
            found.push((reader.name()?, tensor_head(&mut reader)?));
        }
        let alignment = gguf.number("general.alignment").unwrap_or(32);
        if !(1..=1 << 20).contains(&alignment) || !alignment.is_power_of_two() {
            return Err(invalid(format!("the model file has an alignment of {alignment}")));
        }
        let start = (reader.at as u64).next_multiple_of(alignment);
        let mut all = 0;
        for (name, (dims, kind, offset)) in found {
            let tensor = place(&name, &dims, kind, start, offset, bytes.len())?;
            // Tensors that share their bytes would make more of a file than there is.
            all += tensor.bytes.len();
            if all > bytes.len() {
                return Err(invalid("the tensors of the model file lie over one another"));
            }
            gguf.tensors.insert(name, tensor);
        }
        Ok(gguf)
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        match self.values.get(key)? {
            Value::Unsigned(number) => Some(*number),
            Value::Signed(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A number that a size or an index is made of.
    pub(super) fn size(&self, key: &str) -> Option<usize> {
        usize::try_from(self.number(key)?).ok().filter(|size| *size <= 1 << 31)
    }

    #[expect(clippy::cast_possible_truncation, reason = "what models are made of is f32")]
    pub(super) fn float(&self, key: &str) -> Option<f32> {
        match self.values.get(key)? {
            Value::Float(number) => Some(*number as f32).filter(|n| n.is_finite()),
            _ => None,
        }
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        match self.values.get(key)? {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn text<'a>(&self, bytes: &'a [u8], key: &str) -> Option<&'a str> {
        match self.values.get(key)? {
            Value::Text(range) => std::str::from_utf8(&bytes[range.clone()]).ok(),
            _ => None,
        }
    }

    /// A list of texts, in place.
    pub(super) fn texts<'a>(&self, bytes: &'a [u8], key: &str) -> Option<Vec<&'a [u8]>> {
        let Value::Array { kind: 8, count, bytes: range } = self.values.get(key)? else {
            return None;
        };
        let mut reader = Reader { bytes: &bytes[..range.end], at: range.start };
        let mut out = Vec::with_capacity(*count);
        for _ in 0..*count {
            out.push(&bytes[reader.text().ok()?]);
        }
        Some(out)
    }

    /// A list of whole numbers.
    pub(super) fn integers(&self, bytes: &[u8], key: &str) -> Option<Vec<i32>> {
        let Value::Array { kind: 4 | 5, bytes: range, .. } = self.values.get(key)? else {
            return None;
        };
        let (chunks, _) = bytes[range.clone()].as_chunks::<4>();
        Some(chunks.iter().map(|chunk| i32::from_le_bytes(*chunk)).collect())
    }

    /// A list of numbers.
    pub(super) fn floats(&self, bytes: &[u8], key: &str) -> Option<Vec<f32>> {
        let Value::Array { kind: 6, bytes: range, .. } = self.values.get(key)? else {
            return None;
        };
        let (chunks, _) = bytes[range.clone()].as_chunks::<4>();
        Some(chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    pub(super) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.values()
    }
}

type Head = (Vec<u64>, u32, u64);

fn tensor_head(reader: &mut Reader<'_>) -> Result<Head> {
    let count = reader.u32()?;
    if count == 0 || count > MAX_DIMS {
        return Err(invalid(format!("the model file has a tensor of {count} dimensions")));
    }
    let dims = (0..count).map(|_| reader.u64()).collect::<Result<Vec<_>>>()?;
    Ok((dims, reader.u32()?, reader.u64()?))
}

fn place(
    name: &str,
    dims: &[u64],
    kind: u32,
    start: u64,
    offset: u64,
    length: usize,
) -> Result<Tensor> {
    let format = Format::of(kind).ok_or_else(|| {
        invalid(format!(
            "the tensor {name} is of the type {}, which is not supported",
            kind_name(kind)
        ))
        .hint("supported are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K")
    })?;
    let wrong = || {
        invalid(format!("the tensor {name} does not lie inside of the model file"))
            .hint("it may not have been downloaded whole")
    };
    let cols = dims[0];
    let rows =
        dims[1..].iter().try_fold(1u64, |all, dim| all.checked_mul(*dim)).ok_or_else(wrong)?;
    let (elements, bytes) = (format.block() as u64, format.block_bytes() as u64);
    if cols == 0 || rows == 0 || !cols.is_multiple_of(elements) {
        return Err(invalid(format!("the tensor {name} has a shape that its type does not allow")));
    }
    let size = (cols / elements).checked_mul(bytes).and_then(|row| row.checked_mul(rows));
    let begin = start.checked_add(offset);
    let (size, begin) = size.zip(begin).ok_or_else(wrong)?;
    let end = begin.checked_add(size).filter(|end| *end <= length as u64).ok_or_else(wrong)?;
    let index = |value: u64| usize::try_from(value).map_err(|_| wrong());
    Ok(Tensor { format, cols: index(cols)?, rows: index(rows)?, bytes: index(begin)?..index(end)? })
}

fn kind_name(kind: u32) -> String {
    match kind {
        3 => "Q4_1".into(),
        10 => "Q2_K".into(),
        11 => "Q3_K".into(),
        15 => "Q8_K".into(),
        16..=23 | 29 => "IQ".into(),
        other => format!("number {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of tensors alone: so many numbers of 32 bits each, at these offsets, and `data` bytes.
    fn file(numbers: u64, offsets: &[u64], data: usize) -> Vec<u8> {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend((offsets.len() as u64).to_le_bytes());
        file.extend(0u64.to_le_bytes());
        for (index, offset) in offsets.iter().enumerate() {
            file.extend(1u64.to_le_bytes());
            file.push(b'a' + u8::try_from(index).unwrap());
            file.extend(1u32.to_le_bytes());
            file.extend(numbers.to_le_bytes());
            file.extend(0u32.to_le_bytes());
            file.extend(offset.to_le_bytes());
        }
        file.resize(file.len().next_multiple_of(32) + data, 7);
        file
    }

    #[test]
    fn tensors_lie_beside_one_another_and_inside() {
        assert_eq!(Gguf::read(&file(8, &[0, 32, 64], 96)).unwrap().tensors().count(), 3);
        let message = |file: &[u8]| {
            let error = Gguf::read(file).unwrap_err();
            assert_eq!(error.code(), Code::ModelFileInvalid);
            error.message().to_owned()
        };
        assert!(message(&file(8, &[0, 32, 65], 96)).contains("c does not lie inside"));
        assert!(message(&file(8, &[0, u64::MAX - 7], 96)).contains("b does not lie inside"));
        assert!(message(&file(u64::MAX, &[0], 96)).contains("a does not lie inside"));
        // Twenty names for the same 4,096 bytes.
        assert!(message(&file(1024, &[0; 20], 4096)).contains("lie over one another"));
    }
}
