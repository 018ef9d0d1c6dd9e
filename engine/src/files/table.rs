//! The rows of one file, as documents.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{civil::Date, fmt::strtime};
use ledgerline_plugin_api::manifest::{Cell, Files};
use rust_decimal::Decimal;

use crate::mapping::Value;

/// How a connection's files are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    /// Column of the stream → what this export calls it, where it is another name.
    pub(crate) columns: BTreeMap<String, String>,
    pub(crate) delimiter: u8,
    /// How days are written, as `strftime` says it.
    pub(crate) dates: String,
    /// A comma stands before the decimals.
    pub(crate) decimal_comma: bool,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            delimiter: b',',
            dates: "%Y-%m-%d".to_owned(),
            decimal_comma: false,
        }
    }
}

/// What a file says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Read {
    /// Id and document, in the order of their first rows.
    pub(crate) documents: Vec<(String, Value)>,
    /// What is wrong, by its line (1 is the header).
    pub(crate) problems: Vec<Row>,
    pub(crate) rows: u64,
}

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) says: String,
}

/// Reads a file. A document of which one row cannot be read is left out whole: half of it would be a wrong
/// document. A file whose header lacks a column is not read at all.
pub(crate) fn read(bytes: &[u8], files: &Files, form: &Form) -> Read {
    let whole = |says: String| Read {
        problems: vec![Row { line: 1, says }],
        ..Read::default()
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Err(why) = std::str::from_utf8(bytes) {
        let before = &bytes[..why.valid_up_to()];
        let line = before.iter().filter(|it| **it == b'\n').count() as u64 + 1;
        return Read {
            problems: vec![Row {
                line,
                says: "it is not UTF-8 text: export it as \"CSV UTF-8\"".to_owned(),
            }],
            ..Read::default()
        };
    }
    if bytes.iter().filter(|it| **it == b'"').count() % 2 == 1 {
        return whole(
            "a quotation mark has no other half: whatever follows it would be one cell; write \"\" for a mark \
             inside of a cell"
                .to_owned(),
        );
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(form.delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let header = match reader.headers() {
        Ok(it) => it.clone(),
        Err(why) => return whole(format!("its first row cannot be read: {why}")),
    };
    let columns = match places(&header, files, form) {
        Ok(it) => it,
        Err(says) => return whole(says),
    };
    let mut done = Read::default();
    let mut order: Vec<String> = Vec::new();
    let mut documents: HashMap<String, Vec<Value>> = HashMap::new();
    let mut spoilt: BTreeSet<String> = BTreeSet::new();
    let mut record = csv::StringRecord::new();
    let mut before: Option<String> = None;
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(why) => {
                // What follows cannot be told apart any more.
                let says = format!("from here on it cannot be read: {why}");
                done.problems.push(Row { line, says });
                return Read {
                    documents: Vec::new(),
                    ..done
                };
            }
        }
        let line = record.position().map_or(line, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        done.rows += 1;
        if let Some(cell) = record.iter().find(|it| swallows_rows(it, &header, form)) {
            let start: String = cell.chars().take(40).collect();
            let says = format!(
                "the cell that begins with `{start}` holds whole rows: a quotation mark is wrong"
            );
            done.problems.push(Row { line, says });
            return Read {
                documents: Vec::new(),
                ..done
            };
        }
        let id = id_of(&record, files, &columns);
        let mut says = Vec::new();
        if record.len() > header.len() {
            says.push(format!(
                "it has {} cells under {} columns: a cell that holds the delimiter is written in quotes",
                record.len(),
                header.len()
            ));
        }
        let row = cells(&record, files, &columns, form, &mut says);
        let named = id.clone();
        match (id, says.is_empty()) {
            (Some(id), true) => {
                if !documents.contains_key(&id) {
                    order.push(id.clone());
                }
                documents.entry(id).or_default().push(row);
            }
            (id, _) => {
                // Where a row tells no document, it may be the one before's: some exports write it once.
                let spoils = id.or_else(|| before.clone());
                let about = spoils.as_ref().map(|it| format!(" ({it} is left out)"));
                done.problems.extend(says.into_iter().map(|says| Row {
                    line,
                    says: format!("{says}{}", about.as_deref().unwrap_or_default()),
                }));
                spoilt.extend(spoils);
            }
        }
        before = named.or(before);
    }
    done.documents = order
        .into_iter()
        .filter(|it| !spoilt.contains(it))
        .filter_map(|id| {
            let rows = documents.remove(&id)?;
            Some((id, Value::object([("rows", Value::array(rows))])))
        })
        .collect();
    done
}

/// Whether a cell is what a stray quotation mark makes of several rows.
fn swallows_rows(cell: &str, header: &csv::StringRecord, form: &Form) -> bool {
    let delimiters = cell.bytes().filter(|it| *it == form.delimiter).count();
    cell.contains('\n') && header.len() > 1 && delimiters >= header.len() - 1
}

/// Where each column of the stream stands; absent ones are optional.
fn places(
    header: &csv::StringRecord,
    files: &Files,
    form: &Form,
) -> Result<BTreeMap<String, usize>, String> {
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for column in files.columns.keys() {
        let called = form.columns.get(column).unwrap_or(column);
        let at: Vec<usize> = header
            .iter()
            .enumerate()
            .filter(|(_, it)| it.eq_ignore_ascii_case(called))
            .map(|(at, _)| at)
            .collect();
        match at[..] {
            [at] => {
                found.insert(column.clone(), at);
            }
            // One that was given another name is one that is there.
            [] if files.optional.contains(column) && !form.columns.contains_key(column) => {}
            [] => missing.push(format!("`{called}`")),
            _ => return Err(format!("two columns are called `{called}`")),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let there: Vec<String> = header.iter().map(|it| format!("`{it}`")).collect();
    Err(format!(
        "no column {} in the first row, which has {}; where the export calls a column otherwise, say so in \
         `columns` of the connection's files",
        missing.join(", "),
        there.join(", ")
    ))
}

fn id_of(
    record: &csv::StringRecord,
    files: &Files,
    columns: &BTreeMap<String, usize>,
) -> Option<String> {
    let parts: Option<Vec<&str>> = files
        .by
        .iter()
        .map(|it| record.get(*columns.get(it)?).filter(|it| !it.is_empty()))
        .collect();
    parts.map(|it| it.join(" "))
}

fn cells(
    record: &csv::StringRecord,
    files: &Files,
    columns: &BTreeMap<String, usize>,
    form: &Form,
    says: &mut Vec<String>,
) -> Value {
    let mut row = Vec::new();
    for (column, cell) in &files.columns {
        let text = columns.get(column).and_then(|at| record.get(*at));
        let text = text.unwrap_or_default();
        let called = form.columns.get(column).unwrap_or(column);
        let value = match (text.is_empty(), cell) {
            (true, _) if files.optional.contains(column) => Ok(Value::default()),
            (true, _) => Err("is empty".to_owned()),
            (_, Cell::Text) => Ok(Value::text(text)),
            (_, Cell::Date) => date(text, form),
            (_, Cell::Decimal) => decimal(text, form).map(Value::from),
        };
        match value {
            Ok(it) => row.push((column.as_str(), it)),
            Err(why) => says.push(format!("`{called}` {why}")),
        }
    }
    Value::object(row)
}

fn date(text: &str, form: &Form) -> Result<Value, String> {
    let read = strtime::parse(&form.dates, text).and_then(|it| it.to_date());
    match read {
        Ok(day) => Ok(Value::text(Date::to_string(&day))),
        Err(_) => Err(format!(
            "is `{text}`, not a day as `{}` (`dates` of the connection's files says how days are written)",
            form.dates
        )),
    }
}

/// Amounts as people's programs write them: thousands apart, below zero in brackets or with a sign behind.
fn decimal(text: &str, form: &Form) -> Result<Decimal, String> {
    let wrong = || Err(format!("is `{text}`, not a number"));
    let (mut digits, mut below) = (text.trim(), false);
    if let Some(inner) = digits.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        (digits, below) = (inner.trim(), true);
    }
    if let Some(rest) = digits
        .strip_prefix('-')
        .or_else(|| digits.strip_suffix('-'))
    {
        if below {
            return wrong();
        }
        (digits, below) = (rest.trim(), true);
    }
    let (thousands, point) = match form.decimal_comma {
        true => ('.', ','),
        false => (',', '.'),
    };
    let (before, behind) = digits.split_once(point).unwrap_or((digits, "0"));
    let groups: Vec<&str> = before.split([thousands, ' ', '\u{a0}']).collect();
    let grouped = groups.len() == 1 || {
        let first = groups.first().map_or(0, |it| it.len());
        (1..=3).contains(&first)
            && !before.starts_with('0')
            && groups.iter().skip(1).all(|it| it.len() == 3)
    };
    let whole: String = groups.concat();
    let plain = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if !grouped || !plain(&whole) || !plain(behind) {
        return wrong();
    }
    let read: Result<Decimal, _> = match digits.contains(point) {
        true => format!("{whole}.{behind}").parse(),
        false => whole.parse(),
    };
    match read {
        Ok(it) if below => Ok(-it),
        Ok(it) => Ok(it),
        Err(_) => wrong(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs() -> Files {
        let column = |name: &str, cell| (name.to_owned(), cell);
        Files {
            columns: BTreeMap::from([
                column("Id", Cell::Text),
                column("Date", Cell::Date),
                column("Amount", Cell::Decimal),
                column("Note", Cell::Text),
            ]),
            optional: vec!["Note".to_owned()],
            by: vec!["Id".to_owned()],
        }
    }

    fn told(text: &str, form: &Form) -> (Vec<(String, String)>, Vec<String>) {
        let read = read(text.as_bytes(), &costs(), form);
        let documents = read
            .documents
            .into_iter()
            .map(|(id, it)| (id, it.to_json()));
        let problems = read.problems.into_iter();
        (
            documents.collect(),
            problems
                .map(|it| format!("{}: {}", it.line, it.says))
                .collect(),
        )
    }

    #[test]
    fn rows_of_one_id_are_one_document() {
        let text = "\u{feff}Id,Date,Amount,Note\n7,2026-07-01,10.50,\"a, b\"\n8,2026-07-02,\"1,200\",\n\n7,2026-07-01,-0.50,\n";
        let (documents, problems) = told(text, &Form::default());
        assert_eq!(problems, [""; 0]);
        let wanted = [
            (
                "7",
                r#"{"rows":[{"Amount":10.50,"Date":"2026-07-01","Id":"7","Note":"a, b"},{"Amount":-0.50,"Date":"2026-07-01","Id":"7","Note":null}]}"#,
            ),
            (
                "8",
                r#"{"rows":[{"Amount":1200,"Date":"2026-07-02","Id":"8","Note":null}]}"#,
            ),
        ];
        let wanted = wanted.map(|(id, body)| (id.to_owned(), body.to_owned()));
        assert_eq!(documents, wanted);
    }

    #[test]
    fn a_bad_row_leaves_its_document_out_and_no_other() {
        let text = "Id,Date,Amount\n7,2026-07-01,10\n7,2026-07-32,1O\n,2026-07-01,5\n8,2026-07-01,5\n9,2026-07-01,5,6\n";
        let (documents, problems) = told(text, &Form::default());
        let ids: Vec<&str> = documents.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["8"]);
        let wanted = [
            "3: `Amount` is `1O`, not a number (7 is left out)",
            "3: `Date` is `2026-07-32`, not a day as `%Y-%m-%d` (`dates` of the connection's files says how days are written) (7 is left out)",
            "4: `Id` is empty (7 is left out)",
            "6: it has 4 cells under 3 columns: a cell that holds the delimiter is written in quotes (9 is left out)",
        ];
        assert_eq!(problems, wanted);
    }

    #[test]
    fn a_file_that_is_none_of_this_kind_is_not_read() {
        for (text, wanted) in [
            ("", "1: no column `Amount`, `Date`, `Id` in the first row"),
            (
                "Id,Date\n1,2026-07-01\n",
                "1: no column `Amount` in the first row, which has `Id`, `Date`",
            ),
            ("Id,Id,Date,Amount\n", "1: two columns are called `Id`"),
        ] {
            let (documents, problems) = told(text, &Form::default());
            assert!(documents.is_empty(), "{text}");
            assert!(problems[0].starts_with(wanted), "{problems:?}");
        }
        let read = read(
            b"Id,Date,Amount\n1,2026-07-01,\xff\n",
            &costs(),
            &Form::default(),
        );
        assert_eq!(read.problems[0].line, 2);
        assert!(read.documents.is_empty());
    }

    #[test]
    fn exports_of_other_countries_are_read() {
        let form = Form {
            columns: BTreeMap::from([("Amount".to_owned(), "Betrag".to_owned())]),
            delimiter: b';',
            dates: "%d.%m.%Y".to_owned(),
            decimal_comma: true,
        };
        let (documents, problems) = told("ID;date;Betrag\n7;31.07.2026;1.234,50\n", &form);
        assert_eq!(problems, [""; 0]);
        assert_eq!(
            documents[0].1,
            r#"{"rows":[{"Amount":1234.50,"Date":"2026-07-31","Id":"7","Note":null}]}"#
        );
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let form = Form::default();
        for (text, wanted) in [
            ("12.10", "12.10"),
            ("1,234,567.89", "1234567.89"),
            ("(5.00)", "-5.00"),
            ("5-", "-5"),
            ("- 5", "-5"),
        ] {
            assert_eq!(decimal(text, &form).unwrap().to_string(), wanted, "{text}");
        }
        for text in [
            "",
            "1.2.3",
            "12,34",
            "1e3",
            "(-5)",
            "$5",
            ".",
            "--5",
            "1,2345",
            "99999999999999999999999999999999",
        ] {
            assert!(decimal(text, &form).is_err(), "{text}");
        }
    }
}
