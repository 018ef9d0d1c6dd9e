//! `[connections.NAME.files.STREAM]` as written.

use std::{collections::BTreeMap, path::Path};

use toml::Spanned;

use super::{
    checked::FileDrop,
    reader::{Keyed, Reader, as_written},
};
use crate::files::Form;

as_written! {
    /// Exported files of one stream: CSV with a row of column names.
    struct FilesToml {
        /// Folder and name, relative to this file: "exports/costs-*.csv". `*` and `?` may stand in the name.
        required path: Spanned<String>,
        /// Column of the stream = what this export calls it, where that is another name.
        optional columns: Keyed<Spanned<String>>,
        /// What stands between two cells: "," (the default), ";" or "\t".
        optional delimiter: Spanned<String>,
        /// How days are written: "%Y-%m-%d" (the default), "%d/%m/%Y".
        optional dates: Spanned<String>,
        /// A comma stands before the decimals, points between thousands.
        optional decimal_comma: bool,
    }
    renamed { "file" => "path", "folder" => "path", "separator" => "delimiter", "date-format" => "dates" }
}

impl FilesToml {
    pub(super) fn check(&self, folder: &Path, reader: &mut Reader<'_>) -> Option<FileDrop> {
        let usual = Form::default();
        let delimiter = match self
            .delimiter
            .as_ref()
            .map(|it| (it.get_ref().as_bytes(), it))
        {
            None => usual.delimiter,
            Some(([it], _)) => *it,
            Some((_, written)) => {
                let help = "one character: \",\", \";\" or \"\\t\"".to_owned();
                let span = written.span();
                reader.problem(span, "a delimiter is one character", "not one", help);
                usual.delimiter
            }
        };
        if let Some(dates) = &self.dates {
            let day = jiff::civil::date(2026, 7, 31);
            let form = dates.get_ref();
            let back = jiff::fmt::strtime::format(form, day)
                .and_then(|it| jiff::fmt::strtime::parse(form, it))
                .and_then(|it| it.to_date());
            if back.ok() != Some(day) {
                let message = format!("`{form}` does not say a whole day");
                let help = "day, month and year: \"%d/%m/%Y\"".to_owned();
                reader.problem(dates.span(), message, "not a day", help);
            }
        }
        let path = self.path.as_ref()?;
        let written = Path::new(path.get_ref());
        if written.file_name().is_none() {
            let help = "folder and name: \"exports/costs-*.csv\"".to_owned();
            reader.problem(path.span(), "the path names no files", "no name", help);
            return None;
        }
        let in_folder = written
            .parent()
            .is_some_and(|it| it.to_string_lossy().contains(['*', '?']));
        if in_folder {
            let help = "give each folder a connection or a pattern of its own".to_owned();
            let message = "`*` and `?` may stand in the name alone, not in its folder";
            reader.problem(path.span(), message, "in the folder", help);
        }
        let columns = self.columns.iter().flatten();
        let columns: BTreeMap<String, String> = columns
            .map(|(name, it)| (name.clone(), it.value.get_ref().clone()))
            .collect();
        Some(FileDrop {
            path: folder.join(written),
            form: Form {
                columns,
                delimiter,
                dates: self
                    .dates
                    .as_ref()
                    .map_or(usual.dates, |it| it.get_ref().clone()),
                decimal_comma: self.decimal_comma.unwrap_or(false),
            },
        })
    }
}
