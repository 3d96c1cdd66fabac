//! The weights of a model: a safetensors file, mapped and checked.

// Mapping a file is unsafe because others can change it under us; `Weights::open` says why not here.
#![allow(unsafe_code)]

use std::fs::File;
use std::path::{Path, PathBuf};

use aikit_kernels::half::from_f16;
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use super::files::invalid;
use crate::error::{Code, Error, Result};

/// Its name in the folder.
pub(super) const FILE: &str = "model.safetensors";

/// A mapped file of tensors.
pub(super) struct Weights {
    path: PathBuf,
    map: Mmap,
}

/// Numbers of one tensor as they stand in the file.
#[derive(Clone, Copy)]
pub(super) struct Tensor<'a> {
    data: &'a [u8],
    kind: Dtype,
}

/// Where a tensor stands in the file, for those that are not taken into memory.
#[derive(Clone, Copy)]
pub(super) struct Place {
    start: usize,
    length: usize,
    kind: Dtype,
}

impl Tensor<'_> {
    /// Where it stands in the file that it came from.
    pub(super) fn place_in(&self, weights: &Weights) -> Place {
        let start = self.data.as_ptr().addr() - weights.map.as_ptr().addr();
        Place { start, length: self.data.len(), kind: self.kind }
    }

    /// Number `index`; those of half the size are widened.
    pub(super) fn at(&self, index: usize) -> f32 {
        let four = |i: usize| [0, 1, 2, 3].map(|k| self.data[4 * i + k]);
        let two = |i: usize| u16::from_le_bytes([self.data[2 * i], self.data[2 * i + 1]]);
        match self.kind {
            Dtype::F32 => f32::from_le_bytes(four(index)),
            Dtype::BF16 => f32::from_bits(u32::from(two(index)) << 16),
            _ => from_f16(two(index)),
        }
    }

    /// All of them.
    pub(super) fn to_vec(self) -> Vec<f32> {
        let two = || self.data.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
        match self.kind {
            Dtype::F32 => {
                self.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
            Dtype::BF16 => two().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
            _ => two().map(from_f16).collect(),
        }
    }
}

impl Weights {
    /// Maps `model.safetensors` of a folder.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let shown = path.display().to_string();
        let file = File::open(&path).map_err(|error| {
            if error.kind() != std::io::ErrorKind::NotFound {
                return Error::new(Code::FileUnreadable, "the weights cannot be read")
                    .at(shown.clone())
                    .caused_by(error);
            }
            let hint = if folder.join("pytorch_model.bin").exists() {
                "a pytorch_model.bin is not read: it can run code; save the model as safetensors"
            } else if folder.join("model.safetensors.index.json").exists() {
                "weights in several files are not supported: save them as one"
            } else {
                "copy the whole folder of the model, as sentence-transformers keeps it"
            };
            invalid(&path, "the model's folder has no model.safetensors").hint(hint)
        })?;
        // SAFETY: the map is only read. Whoever changes the file of a model that is in use changes
        // numbers (or, cutting it, ends the process), as with every library that is mapped.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| {
            Error::new(Code::FileUnreadable, "the weights cannot be mapped")
                .at(shown)
                .caused_by(error)
        })?;
        Ok(Self { path, map })
    }

    /// All of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The tensor at a place of this file.
    pub(super) fn tensor(&self, place: Place) -> Tensor<'_> {
        Tensor { data: &self.map[place.start..][..place.length], kind: place.kind }
    }

    /// What it holds.
    pub(super) fn tensors(&self) -> Result<Tensors<'_>> {
        let tensors = SafeTensors::deserialize(&self.map).map_err(|error| {
            invalid(&self.path, "the weights are damaged, or not safetensors")
                .hint("copy the file again and compare its hash")
                .caused_by(error)
        })?;
        let known = ["", "bert.", "model.", "0.auto_model."];
        let prefix = known
            .into_iter()
            .find(|p| tensors.tensor(&format!("{p}embeddings.word_embeddings.weight")).is_ok())
            .ok_or_else(|| invalid(&self.path, "these are not the weights of a BERT encoder"))?;
        Ok(Tensors { path: &self.path, tensors, prefix })
    }
}

/// The tensors by name.
pub(super) struct Tensors<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
    prefix: &'static str,
}

impl<'a> Tensors<'a> {
    /// The tensor of this name with rows of this size, at least one.
    pub(super) fn rows_of(&self, name: &str, size: usize) -> Result<Tensor<'a>> {
        let view = self.tensors.tensor(&format!("{}{name}", self.prefix));
        let rows = view.ok().and_then(|view| view.shape().first().copied()).unwrap_or(1).max(1);
        self.get(name, &[rows, size])
    }

    /// The tensor of this name, if it has this shape.
    pub(super) fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor<'a>> {
        let view = self.tensors.tensor(&format!("{}{name}", self.prefix));
        let view = view.map_err(|error| {
            invalid(self.path, format!("the weights have no tensor {name:?}")).caused_by(error)
        })?;
        if view.shape() != shape {
            let has = view.shape();
            let message = format!("tensor {name:?} is {has:?}, and config.json wants {shape:?}");
            return Err(invalid(self.path, message));
        }
        let kind = view.dtype();
        if !matches!(kind, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            let message = format!("tensor {name:?} holds {kind:?}, which is not supported");
            return Err(invalid(self.path, message).hint("F32, F16 and BF16 are"));
        }
        Ok(Tensor { data: view.data(), kind })
    }
}
