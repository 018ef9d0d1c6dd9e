//! Where commands write: standard output, a line at a time, JSON or tables.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

use comfy_table::{ContentArrangement, Table, presets};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{cli::args::Common, store::Tally};

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

/// `AUD 1,234.50 + NZD 7.00`.
pub(super) fn money(tally: &Tally) -> String {
    if tally.money.is_empty() {
        return "-".to_owned();
    }
    tally
        .money
        .iter()
        .map(|(currency, sum)| {
            let sum = grouped(*sum);
            if currency.is_empty() {
                sum
            } else {
                format!("{currency} {sum}")
            }
        })
        .collect::<Vec<_>>()
        .join(" + ")
}

/// A decimal with at least two places and thousands apart.
pub(super) fn grouped(sum: Decimal) -> String {
    let text = if sum.scale() < 2 {
        format!("{sum:.2}")
    } else {
        sum.to_string()
    };
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |it| ("-", it));
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let mut out = String::with_capacity(text.len() + 4);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if rest.is_empty() {
        format!("{sign}{out}")
    } else {
        format!("{sign}{out}.{rest}")
    }
}

/// `3 d`, `5 h`, `12 min`, `now`.
pub(super) fn age(now_ms: i64, since_ms: i64) -> String {
    match (now_ms - since_ms).max(0) / 60_000 {
        0 => "now".to_owned(),
        minutes if minutes < 60 => format!("{minutes} min"),
        minutes if minutes < 48 * 60 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / (24 * 60)),
    }
}

/// An instant for people, in UTC.
pub(super) fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|it| it.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_well() {
        let cases = [
            ("0", "0.00"),
            ("46", "46.00"),
            ("1234567.5", "1,234,567.50"),
            ("-1000.125", "-1,000.125"),
        ];
        for (given, wanted) in cases {
            assert_eq!(grouped(given.parse().unwrap()), wanted, "{given}");
        }
    }
}
