//! Where commands write: standard output, a line at a time, JSON or tables.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::cli::args::Common;
pub(super) use crate::operate::words::{age, money};

/// Standard output and how to write to it.
pub(super) struct Out {
    stdout: io::Stdout,
    pub(super) json: bool,
    pub(super) color: bool,
    /// How this program was called, so that the commands that are shown can be typed as they stand.
    called: String,
}

impl Out {
    pub(super) fn new(common: &Common, demo: bool) -> Self {
        let stdout = io::stdout();
        let color = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut called = std::env::args()
            .next()
            .unwrap_or_else(|| "ledgerline".into());
        if common.config != Path::new("config") {
            called.push_str(&format!(" -c {}", common.config.display()));
        }
        if demo {
            called.push_str(" --demo");
        }
        Self {
            stdout,
            json: common.json,
            color,
            called,
        }
    }

    /// Text with the commands in it as they are to be typed here.
    fn typed(&self, text: &str) -> String {
        text.replace("ledgerline ", &format!("{} ", self.called))
    }

    /// One line for people.
    pub(super) fn line(&self, text: impl AsRef<str>) {
        self.exact(self.typed(text.as_ref()));
    }

    /// One line as it stands: JSON, documents. A reader that went away (`| head`) is no error.
    pub(super) fn exact(&self, text: impl AsRef<str>) {
        let _ = writeln!(self.stdout.lock(), "{}", text.as_ref());
    }

    pub(super) fn value(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.exact(text),
            Err(why) => self.exact(format!("{{\"error\":\"{why}\"}}")),
        }
    }

    pub(super) fn heading(&self, text: &str) {
        self.line("");
        self.line(self.paint("1", text));
    }

    /// Text in a terminal's style, plain elsewhere.
    pub(super) fn paint(&self, style: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{style}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn table(&self, header: &[&str], rows: Vec<Vec<String>>) {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_BORDERS_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if !io::stdout().is_terminal() {
            table.set_width(160);
        }
        table.set_header(header);
        for row in rows {
            table.add_row(row.into_iter().map(|it| self.typed(&it)));
        }
        self.exact(table.to_string());
    }
}

/// Standard error, for questions and remarks.
pub(super) fn remark(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
}

/// An instant for people, in UTC.
pub(super) fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|it| it.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
        .unwrap_or_default()
}
