//! Compares documents field by field: what we sent, what the target holds, what we would send now.
//!
//! The bookkeeper's edits stay. A field that only they changed is kept, one that only the source
//! changed is sent, one that both changed is for a person. Only fields that we send are looked at;
//! amounts compare as numbers, whatever their writing.

use std::fmt;

use ledgerline_plugin_api::manifest::Update;

use super::value::{Number, Object, Value};

/// One field in which documents differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Path, lines by position: `Lines.0.Amount`.
    pub field: String,
    /// What we sent last; null for nothing.
    pub sent: Value,
    /// What the target holds; null for nothing.
    pub held: Value,
    /// What we would send now; null for nothing.
    pub wanted: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |it: &Value| {
            if it.is_null() {
                "nothing".to_owned()
            } else {
                it.excerpt(60)
            }
        };
        write!(
            f,
            "{}: sent {}, there {}",
            self.field,
            shown(&self.sent),
            shown(&self.held)
        )?;
        if self.wanted != self.sent {
            write!(f, ", now {}", shown(&self.wanted))?;
        }
        Ok(())
    }
}

/// What an update would be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ThreeWay {
    /// The body to send: our changes, the target's edits kept, lines with their ids.
    pub body: Value,
    /// Changed only in the target: kept.
    pub kept: Vec<Difference>,
    /// Changed on both sides: for a person.
    pub conflicts: Vec<Difference>,
    /// What the body changes.
    pub changes: Vec<Difference>,
    /// The body changes amounts of what is held.
    pub amounts_changed: bool,
    /// The body changes anything of what is held.
    pub changed: bool,
}

/// Compares three ways. `sent_last` is the last body that was sent, its lines with their ids (see
/// [`with_line_ids`]); `held_now` is the target's document in the form in which it is sent.
///
/// With a null `sent_last` (an adopted document) nobody knows who changed what: every difference is
/// for a person.
pub fn three_way(sent_last: &Value, held_now: &Value, wanted: &Value, update: &Update) -> ThreeWay {
    let mut merge = Merge {
        update,
        result: ThreeWay::default(),
    };
    let mut body = Object::default();
    for name in names(wanted, sent_last) {
        if update.omit.contains(&name) {
            continue;
        }
        let part = |it: &Value| it.child(&name).cloned().unwrap_or_default();
        let (sent, held, wanted) = (part(sent_last), part(held_now), part(wanted));
        let merged = match update.line_ids.get(&name) {
            Some(_) if sent_last.is_null() => merge.unknown_lines(&name, &held, &wanted),
            Some(id) => merge.lines(&name, id, &sent, &held, &wanted),
            None => merge.field(&name, &sent, &held, &wanted),
        };
        if let Some(it) = merged {
            body.insert(name, it);
        }
    }
    merge.result.body = Value::from(body);
    merge.result
}

/// What the target made of a document that was sent to it: every field that we sent and that came
/// back different.
pub fn differences(sent: &Value, answered: &Value, update: &Update) -> Vec<Difference> {
    let mut found = Vec::new();
    for name in names(sent, &Value::Null) {
        let (sent, answered) = (sent.child(&name), answered.child(&name));
        let (Some(sent), answered) = (sent, answered.unwrap_or(&Value::Null)) else {
            continue;
        };
        match (update.line_ids.get(&name), sent.as_array()) {
            (Some(id), Some(lines)) => {
                let held = answered.as_array().unwrap_or_default();
                for (at, line) in lines.iter().enumerate() {
                    let there = counterpart(line, at, held, id).map(|it| &held[it]);
                    let path = format!("{name}.{at}");
                    collect(&path, line, there.unwrap_or(&Value::Null), &mut found);
                }
                if held.len() > lines.len() {
                    let more = Value::from(held.len() as i64);
                    let sent = Value::from(lines.len() as i64);
                    found.push(difference(&format!("{name} (count)"), &sent, &more, &sent));
                }
            }
            _ => collect(&name, sent, answered, &mut found),
        }
    }
    found
}

/// A sent body with the ids that the target gave its lines, by position: what the next comparison
/// recognises lines by.
pub fn with_line_ids(sent: &Value, answered: &Value, update: &Update) -> Value {
    let mut sent = sent.clone();
    for (name, id) in &update.line_ids {
        let (Some(lines), Some(held)) = (
            sent.child(name).and_then(Value::as_array).map(<[_]>::len),
            answered.child(name).and_then(Value::as_array),
        ) else {
            continue;
        };
        for at in 0..lines {
            let known = sent.get(&format!("{name}.{at}.{id}")).is_some();
            if let Some(it) = held.get(at).and_then(|it| it.child(id)).filter(|_| !known) {
                // A line that is no object has no id to take.
                let _ = sent.set(&format!("{name}.{at}.{id}"), it.clone());
            }
        }
    }
    sent
}

struct Merge<'u> {
    update: &'u Update,
    result: ThreeWay,
}

impl Merge<'_> {
    /// Notes that the body will change a field of what is held.
    fn changes(&mut self, path: &str) {
        self.result.changed = true;
        let plain: Vec<&str> = path
            .split('.')
            .filter(|it| it.parse::<usize>().is_err())
            .collect();
        let plain = plain.join(".");
        let is_amount = |it: &String| {
            plain == *it
                || plain.starts_with(&format!("{it}."))
                || it.starts_with(&format!("{plain}."))
        };
        self.result.amounts_changed |= self.update.amounts.iter().any(is_amount);
    }

    fn field(&mut self, path: &str, sent: &Value, held: &Value, wanted: &Value) -> Option<Value> {
        if wanted.is_null() {
            // What the source no longer has stays as it is there, and is told: a body cannot say
            // "nothing".
            if !same(sent, &Value::Null) && !same(held, &Value::Null) {
                self.result.kept.push(difference(path, sent, held, wanted));
            }
            return None;
        }
        if let (Some(_), Some(_)) = (wanted.as_object(), held.as_object()) {
            let mut merged = Object::default();
            for name in names(wanted, sent) {
                let part = |it: &Value| it.child(&name).cloned().unwrap_or_default();
                let path = format!("{path}.{name}");
                if let Some(it) = self.field(&path, &part(sent), &part(held), &part(wanted)) {
                    merged.insert(name, it);
                }
            }
            return Some(Value::from(merged));
        }
        if same(wanted, held) {
            return Some(wanted.clone());
        }
        if same(sent, held) {
            self.changes(path);
            let found = difference(path, sent, held, wanted);
            self.result.changes.push(found);
            return Some(wanted.clone());
        }
        let found = difference(path, sent, held, wanted);
        if same(wanted, sent) && !sent.is_null() {
            self.result.kept.push(found);
        } else {
            self.result.conflicts.push(found);
        }
        (!held.is_null()).then(|| held.clone())
    }

    fn lines(
        &mut self,
        name: &str,
        id: &str,
        sent: &Value,
        held: &Value,
        wanted: &Value,
    ) -> Option<Value> {
        let wanted = wanted.as_array()?;
        let sent = sent.as_array().unwrap_or_default();
        let held = held.as_array().unwrap_or_default();
        let before = aligned(wanted, sent);
        let there: Vec<Option<usize>> = sent
            .iter()
            .enumerate()
            .map(|(at, line)| counterpart(line, at, held, id))
            .collect();
        let mut body = Vec::new();
        for (at, line) in wanted.iter().enumerate() {
            let path = format!("{name}.{at}");
            match before[at].map(|it| (&sent[it], there[it].map(|it| &held[it]))) {
                None => {
                    self.new_line(name);
                    let found = difference(&path, &Value::Null, &Value::Null, line);
                    self.result.changes.push(found);
                    body.push(line.clone());
                }
                Some((sent, Some(held))) => body.push(self.line(&path, id, sent, held, line)),
                Some((sent, None)) => {
                    let found = difference(&path, sent, &Value::Null, line);
                    if same(line, sent) {
                        self.result.kept.push(found);
                    } else {
                        self.result.conflicts.push(found);
                    }
                }
            }
        }
        for (at, line) in sent.iter().enumerate() {
            if before.contains(&Some(at)) {
                continue;
            }
            // The source took the line away.
            let path = format!("{name}.{at}");
            match there[at].map(|it| &held[it]) {
                Some(held) if same(&without(line, id), held) => {
                    self.new_line(name);
                    let found = difference(&path, line, held, &Value::Null);
                    self.result.changes.push(found);
                }
                Some(held) => {
                    let found = difference(&path, line, held, &Value::Null);
                    self.result.conflicts.push(found);
                    body.push(held.clone());
                }
                None => {}
            }
        }
        for (at, line) in held.iter().enumerate() {
            if !there.contains(&Some(at)) {
                let path = format!("{name}.{at}");
                self.result
                    .kept
                    .push(difference(&path, &Value::Null, line, &Value::Null));
                body.push(line.clone());
            }
        }
        Some(Value::array(body))
    }

    /// Lines of which nobody knows what we sent: they are as there, or for a person.
    fn unknown_lines(&mut self, name: &str, held: &Value, wanted: &Value) -> Option<Value> {
        let (lines, there) = (wanted.as_array()?, held.as_array().unwrap_or_default());
        if lines.len() != there.len() {
            self.result
                .conflicts
                .push(difference(name, &Value::Null, held, wanted));
            return Some(held.clone());
        }
        for (at, (line, held)) in lines.iter().zip(there).enumerate() {
            self.field(&format!("{name}.{at}"), &Value::Null, held, line);
        }
        Some(held.clone())
    }

    /// A line more or less changes the sum, whatever fields it has.
    fn new_line(&mut self, name: &str) {
        self.result.changed = true;
        self.result.amounts_changed |= self
            .update
            .amounts
            .iter()
            .any(|it| it.starts_with(&format!("{name}.")) || it == name);
    }

    fn line(&mut self, path: &str, id: &str, sent: &Value, held: &Value, wanted: &Value) -> Value {
        let mut line = Object::default();
        if let Some(it) = held.child(id) {
            line.insert(id, it.clone());
        }
        let amounts_before = std::mem::take(&mut self.result.amounts_changed);
        for name in names(wanted, sent).into_iter().filter(|it| it != id) {
            let part = |it: &Value| it.child(&name).cloned().unwrap_or_default();
            let path = format!("{path}.{name}");
            if let Some(it) = self.field(&path, &part(sent), &part(held), &part(wanted)) {
                line.insert(name, it);
            }
        }
        let amounts_changed = self.result.amounts_changed;
        self.result.amounts_changed |= amounts_before;
        // What else the line has there goes along, or an update would take it away. Amounts that the
        // target computed from those that change now must be computed again.
        let plain = path.split('.').next().unwrap_or(path);
        for (name, value) in held.as_object().into_iter().flat_map(Object::iter) {
            let is_amount = self.update.amounts.contains(&format!("{plain}.{name}"));
            if line.get(name).is_none() && !(amounts_changed && is_amount) && !value.is_null() {
                line.insert(name.clone(), value.clone());
            }
        }
        Value::from(line)
    }
}

fn difference(field: &str, sent: &Value, held: &Value, wanted: &Value) -> Difference {
    Difference {
        field: field.to_owned(),
        sent: sent.clone(),
        held: held.clone(),
        wanted: wanted.clone(),
    }
}

fn collect(path: &str, sent: &Value, held: &Value, found: &mut Vec<Difference>) {
    match (sent.as_object(), held.as_object()) {
        (Some(fields), Some(_)) => {
            for (name, sent) in fields.iter() {
                let held = held.child(name).unwrap_or(&Value::Null);
                collect(&format!("{path}.{name}"), sent, held, found);
            }
        }
        _ if same(sent, held) => {}
        _ => found.push(difference(path, sent, held, sent)),
    }
}

/// Field names of both, the first one's order first.
fn names(first: &Value, second: &Value) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for it in [first, second] {
        for (name, _) in it.as_object().into_iter().flat_map(Object::iter) {
            if !names.iter().any(|it| **it == **name) {
                names.push(name.to_string());
            }
        }
    }
    names
}

/// Two writings of one instant, such as `02:00:00Z` and `13:00:00+11:00` of the same day. Calendar dates
/// have no zone and are no instants.
fn one_instant(left: &str, right: &str) -> bool {
    let instant = |text: &str| text.trim().parse::<jiff::Timestamp>().ok();
    instant(left).is_some_and(|it| instant(right) == Some(it))
}

fn without(line: &Value, id: &str) -> Value {
    let mut line = line.clone();
    line.remove(id);
    line
}

/// Whether what we sent is what is held: all that we sent, by meaning. The target may hold more, and
/// may write an amount as text.
pub(super) fn same(sent: &Value, held: &Value) -> bool {
    match (sent, held) {
        (Value::Obj(sent), Value::Obj(held)) => sent
            .iter()
            .all(|(name, sent)| same(sent, held.get(name).unwrap_or(&Value::Null))),
        (Value::Arr(sent), Value::Arr(held)) => {
            let (sent, held) = (sent.items(), held.items());
            sent.len() == held.len() && sent.iter().zip(held).all(|(l, r)| same(l, r))
        }
        (Value::Num(number), Value::Str(text)) | (Value::Str(text), Value::Num(number)) => {
            Number::parse(text.trim()).is_some_and(|it| it == *number)
        }
        (Value::Str(l), Value::Str(r)) => l.trim_end() == r.trim_end() || one_instant(l, r),
        // Absent, empty and false are one: targets answer with any of them.
        (Value::Null, it) | (it, Value::Null) => match it {
            Value::Str(it) => it.is_empty(),
            Value::Arr(it) => it.items().is_empty(),
            it => !it.is_truthy(),
        },
        (l, r) => l == r,
    }
}

/// The held line for a sent one: by its id when it has one, else by position.
fn counterpart(line: &Value, at: usize, held: &[Value], id: &str) -> Option<usize> {
    match line.child(id) {
        Some(known) => held.iter().position(|it| it.child(id) == Some(known)),
        None => (at < held.len()).then_some(at),
    }
}

/// For each wanted line the sent line that it stands for: equal lines first, in order (the longest
/// common subsequence), then what lies between them pairwise.
fn aligned(wanted: &[Value], sent: &[Value]) -> Vec<Option<usize>> {
    // Longer lists are paired by position; a table of a million cells is not worth better.
    if wanted.len().saturating_mul(sent.len()) > 1_000_000 {
        return (0..wanted.len())
            .map(|it| (it < sent.len()).then_some(it))
            .collect();
    }
    let (rows, columns) = (wanted.len(), sent.len());
    let mut lengths = vec![vec![0_u32; columns + 1]; rows + 1];
    let equal: Vec<Vec<bool>> = wanted
        .iter()
        .map(|w| sent.iter().map(|s| same(w, s)).collect())
        .collect();
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            lengths[row][column] = if equal[row][column] {
                lengths[row + 1][column + 1] + 1
            } else {
                lengths[row + 1][column].max(lengths[row][column + 1])
            };
        }
    }
    let mut pairs = vec![None; rows];
    let (mut row, mut column) = (0, 0);
    let (mut open_rows, mut open_columns): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    let close = |rows: &mut Vec<usize>, columns: &mut Vec<usize>, pairs: &mut [Option<usize>]| {
        for (row, column) in rows.drain(..).zip(columns.drain(..)) {
            pairs[row] = Some(column);
        }
        columns.clear();
    };
    while row < rows || column < columns {
        if row < rows && column < columns && equal[row][column] {
            close(&mut open_rows, &mut open_columns, &mut pairs);
            pairs[row] = Some(column);
            row += 1;
            column += 1;
        } else if column >= columns
            || (row < rows && lengths[row + 1][column] >= lengths[row][column + 1])
        {
            open_rows.push(row);
            row += 1;
        } else {
            open_columns.push(column);
            column += 1;
        }
    }
    close(&mut open_rows, &mut open_columns, &mut pairs);
    pairs
}
