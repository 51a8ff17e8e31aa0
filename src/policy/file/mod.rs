//! The file of a policy: TOML with a fixed set of keys.
//!
//! Every key is declared once, in [`keys`]: the reader, its error messages and the schema for editors are made from that
//! table. Errors give line and column and show the place.
//!
//! | file | holds |
//! |---|---|
//! | [`keys`] | the table of keys |
//! | `read`, `value`, `whole` | tables to rules; single values; what only the whole policy shows |
//! | `schema` | the JSON Schema |
//! | `error` | what is wrong, and where |

mod error;
pub mod keys;
mod read;
mod schema;
mod value;
mod whole;

pub use error::PolicyError;
pub use schema::schema;
