//! The filter language.

pub mod select;
