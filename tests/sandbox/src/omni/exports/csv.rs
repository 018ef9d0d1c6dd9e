//! A header row and rows of CSV.

/// Rows under a header.
pub(super) struct Table {
    text: String,
}

impl Table {
    /// A table with these columns, given as they stand in the header row.
    pub(super) fn new(header: &str) -> Self {
        Self {
            text: format!("{header}\n"),
        }
    }

    /// Adds a row.
    pub(super) fn push<T: AsRef<str>>(&mut self, cells: &[T]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            self.cell(cell.as_ref());
        }
        self.text.push('\n');
    }

    fn cell(&mut self, text: &str) {
        if text.contains([',', '"', '\n', '\r']) {
            self.text.push('"');
            self.text.push_str(&text.replace('"', "\"\""));
            self.text.push('"');
        } else {
            self.text.push_str(text);
        }
    }

    /// The whole text.
    pub(super) fn text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut table = Table::new("A,B");
        table.push(&["1,5", "say \"so\""]);
        table.push(&["plain", ""]);
        assert_eq!(table.text(), "A,B\n\"1,5\",\"say \"\"so\"\"\"\nplain,\n");
    }
}
