//! `tables/NAME.toml` as written.

use super::{
    checked::Table,
    reader::{Keyed, Reader, as_written},
};

as_written! {
    /// A value table: what a code or name of the source is in the target.
    struct TableToml {
        /// Value for everything without a row; without it an unknown key stops the document.
        optional default: serde_json::Value,
        /// Key of the source = value of the target.
        required rows: Keyed<serde_json::Value>,
    }
}

impl TableToml {
    pub(super) fn check(self, name: &str, reader: &Reader<'_>) -> Table {
        let rows = self.rows.unwrap_or_default();
        Table {
            name: name.to_owned(),
            file: reader.file.clone(),
            rows: rows
                .into_iter()
                .map(|(key, row)| (key, row.value))
                .collect(),
            default: self.default,
        }
    }
}
