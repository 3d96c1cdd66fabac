//! Documents: load, chunk, index, search, cite.

mod chunk;
mod collection;
mod load;
mod query;
mod vectors;

pub use collection::{
    Collection, IngestOptions, IngestReport, Passage, SearchOptions, SearchStrategy, Skipped,
};
