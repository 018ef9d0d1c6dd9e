//! Exported files as documents of a stream: what a vendor's API does not tell, a person exports and drops
//! into a folder.
//!
//! A stream whose manifest has `files` is read from the files that the connection names, by the engine
//! alone; its connector is not asked. `folder` finds them, `table` makes documents of one. Each file is
//! read once, by its content; again when it was put there anew or is to be read in another way. Rows that cannot be read are named by file and line until a better file of
//! that name comes or the file is taken away; their documents are left out, the others go on.

mod folder;
mod table;

use serde::{Deserialize, Serialize};

pub(crate) use folder::{content, find};
pub(crate) use table::{Form, read};

/// What of one file could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTrouble {
    /// The connection whose file it is.
    pub connection: String,
    /// The stream that it is read for.
    pub stream: String,
    /// Name of the file.
    pub file: String,
    /// How many rows are wrong, beside those named.
    pub more: u64,
    /// What is wrong, with its line, the first ones.
    pub problems: Vec<String>,
}
