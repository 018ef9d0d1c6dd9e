//! The functions that expressions may call, and no others.
//!
//! None of them can run for ever, read the clock, the environment or a file. `std.jq` beside this
//! file defines the rest from these; names that begin with `_` are for that file alone.

use std::{borrow::Cow, cell::RefCell};

use jaq_core::{
    Bind, Error, Native, RunPtr, ValT,
    data::JustLut,
    native::{Fun, bome, v},
};
use jiff::{Timestamp, civil, tz::TimeZone};
use regex::{Regex, RegexBuilder};

use super::{
    fuel,
    val::{Jq, MAX_TEXT, fail, shown, split, written},
};
use crate::mapping::value::{ArithmeticError, Array, Number, Object, Value};

/// What the interpreter runs on: values of ours, nothing else.
pub(super) type Data = JustLut<Jq>;

type Result<T = Jq> = jaq_core::ValR<T, Jq>;

/// Definitions on top of the native functions.
pub(super) const STD: &str = include_str!("std.jq");

/// Largest compiled regular expression, in bytes of its program.
const REGEX_SIZE: usize = 256 << 10;
/// Regular expressions that a thread keeps compiled.
const REGEXES: usize = 64;

thread_local! {
    /// Flags and text of each.
    static COMPILED: RefCell<Vec<(String, String, Regex)>> = const { RefCell::new(Vec::new()) };
    /// What the expression itself raised last, to tell its words from the engine's.
    static RAISED: RefCell<Option<Value>> = const { RefCell::new(None) };
}

/// The value that the expression raised by `error` since this was last asked.
pub(super) fn take_raised() -> Option<Value> {
    RAISED.take()
}

/// Name and arity of each native function.
pub(super) fn signatures() -> impl Iterator<Item = (&'static str, usize)> {
    funs().map(|(name, args, _)| (name, args.len()))
}

/// What a native function does, by how many computed arguments it has beside its input.
#[derive(Clone, Copy)]
pub(super) enum Body {
    OfInput(fn(Value) -> Result),
    WithOne(fn(Value, Value) -> Result),
    WithTwo(fn(Value, Value, Value) -> Result),
}

impl Body {
    fn arguments(self) -> usize {
        match self {
            Self::OfInput(_) => 0,
            Self::WithOne(_) => 1,
            Self::WithTwo(_) => 2,
        }
    }
}

/// A native function, as it is and as the interpreter calls it.
struct Builtin {
    name: &'static str,
    body: Body,
    run: RunPtr<Data>,
}

/// The native function of that name and number of arguments, unless it takes a filter.
pub(super) fn body(name: &str, arguments: usize) -> Option<Body> {
    let mut all = builtins();
    let found = all.find(|it| it.name == name && it.body.arguments() == arguments)?;
    Some(found.body)
}

/// A function of the input alone, or of the input and one or two computed arguments.
macro_rules! native {
    ($name:literal, |$it:ident| $body:expr) => {{
        fn body($it: Value) -> Result {
            $body
        }
        let run: RunPtr<Data> = |cv| bome(body(cv.1.0));
        Builtin {
            name: $name,
            body: Body::OfInput(body),
            run,
        }
    }};
    ($name:literal, |$it:ident, $arg:ident| $body:expr) => {{
        fn body($it: Value, $arg: Value) -> Result {
            $body
        }
        let run: RunPtr<Data> = |mut cv| {
            let arg = cv.0.pop_var().0;
            bome(body(cv.1.0, arg))
        };
        Builtin {
            name: $name,
            body: Body::WithOne(body),
            run,
        }
    }};
    ($name:literal, |$it:ident, $one:ident, $two:ident| $body:expr) => {{
        fn body($it: Value, $one: Value, $two: Value) -> Result {
            $body
        }
        let run: RunPtr<Data> = |mut cv| {
            // The latest bound comes first.
            let two = cv.0.pop_var().0;
            let one = cv.0.pop_var().0;
            bome(body(cv.1.0, one, two))
        };
        Builtin {
            name: $name,
            body: Body::WithTwo(body),
            run,
        }
    }};
}

/// The native functions.
pub(super) fn funs() -> impl Iterator<Item = Fun<Data>> {
    let first: RunPtr<Data> = |mut cv| {
        let (f, context) = cv.0.pop_fun();
        Box::new(f.run((context, cv.1)).next().into_iter())
    };
    let last: RunPtr<Data> = |mut cv| {
        let (f, context) = cv.0.pop_fun();
        let last = f.run((context, cv.1)).try_fold(None, |_, it| it.map(Some));
        Box::new(last.transpose().into_iter())
    };
    let over_a_filter = || -> Box<[Bind]> { [Bind::Fun(())].into() };
    let others =
        builtins().map(|it| (it.name, v(it.body.arguments()), Native::<Data>::new(it.run)));
    [
        ("first", over_a_filter(), Native::<Data>::new(first)),
        ("last", over_a_filter(), Native::<Data>::new(last)),
    ]
    .into_iter()
    .chain(others)
}

fn builtins() -> impl Iterator<Item = Builtin> {
    [
        native!("true", |_it| Ok(yes_or_no(true))),
        native!("false", |_it| Ok(yes_or_no(false))),
        native!("null", |_it| Ok(Jq(Value::Null))),
        native!("_raise", |it| {
            RAISED.replace(Some(it.clone()));
            Err(Error::new(Jq(it)))
        }),
        native!("length", |it| length(it)),
        native!("keys", |it| keys(&it)),
        native!("has", |it, key| has(&it, &key)),
        native!("contains", |it, part| contains(&it, &part).map(yes_or_no)),
        native!("tonumber", |it| to_number(it)),
        native!("tonumber", |it, missing| match &it {
            Value::Null => Ok(Jq(missing)),
            Value::Str(text) if text.is_empty() => Ok(Jq(missing)),
            _ => to_number(it),
        }),
        native!("one_line", |it| Ok(one_line(&it))),
        native!("tojson", |it| Ok(Jq(written(&it)))),
        native!("type", |it| Ok(Jq(Value::text(it.kind())))),
        native!("add", |it| {
            elements(it)?
                .into_iter()
                .map(Jq)
                .try_fold(Jq(Value::Null), |sum, it| sum + it)
        }),
        native!("flatten", |it| flatten(it, i64::MAX)),
        native!("flatten", |it, depth| flatten(it, whole(&depth, "depth")?)),
        native!("reverse", |it| reverse(it)),
        native!("sort", |it| Ok(array(sorted(elements(it)?)))),
        native!("_groups", |it| groups(it)),
        native!("_least", |it| Ok(Jq(elements(it)?
            .into_iter()
            .min_by(by_key)
            .unwrap_or_default()))),
        native!("_greatest", |it| {
            Ok(Jq(elements(it)?
                .into_iter()
                .max_by(by_key)
                .unwrap_or_default()))
        }),
        native!("to_entries", |it| to_entries(&it)),
        native!("from_entries", |it| from_entries(it)),
        native!("explode", |it| {
            let codes = text(&it)?
                .chars()
                .map(|it| Value::from(i64::from(u32::from(it))));
            Ok(array(codes.collect()))
        }),
        native!("implode", |it| implode(it)),
        native!("ascii_downcase", |it| Ok(Jq::from(
            text(&it)?.to_ascii_lowercase()
        ))),
        native!("ascii_upcase", |it| Ok(Jq::from(
            text(&it)?.to_ascii_uppercase()
        ))),
        native!("trim", |it| Ok(Jq::from(text(&it)?.trim().to_owned()))),
        native!("ltrim", |it| Ok(Jq::from(
            text(&it)?.trim_start().to_owned()
        ))),
        native!("rtrim", |it| Ok(Jq::from(text(&it)?.trim_end().to_owned()))),
        native!("join", |it, by| join(it, &by)),
        native!("split", |it, by| Ok(Jq(split(text(&it)?, text(&by)?)))),
        native!("startswith", |it, part| Ok(yes_or_no(
            text(&it)?.starts_with(text(&part)?)
        ))),
        native!("endswith", |it, part| Ok(yes_or_no(
            text(&it)?.ends_with(text(&part)?)
        ))),
        native!("ltrimstr", |it, part| Ok(
            without(it, &part, |it, part| it.strip_prefix(part))
        )),
        native!("rtrimstr", |it, part| Ok(
            without(it, &part, |it, part| it.strip_suffix(part))
        )),
        native!("test", |it, re, flags| test(&it, &re, &flags)),
        native!("date", |it, zone| date(it, &zone)),
        native!("round", |it, places| calculated(
            number(&it)?.rounded(places_of(&places)?)
        )),
        native!("div", |it, divisor, places| {
            calculated(number(&it)?.over_to(number(&divisor)?, places_of(&places)?))
        }),
        native!("abs", |it| match number(&it)? {
            it if *it < Number::Decimal(0.into()) => calculated(it.negated()),
            _ => Ok(Jq(it)),
        }),
    ]
    .into_iter()
}

fn yes_or_no(it: bool) -> Jq {
    Jq(Value::Bool(it))
}

fn array(items: Vec<Value>) -> Jq {
    items.into_iter().map(Jq).collect()
}

fn calculated(it: std::result::Result<Number, ArithmeticError>) -> Result {
    it.map(|it| Jq(Value::Num(it))).map_err(Error::str)
}

fn elements(it: Value) -> Result<Vec<Value>> {
    match it {
        Value::Arr(it) => {
            fuel::spend(it.items().len());
            Ok(Array::into_items(it))
        }
        Value::Obj(it) => {
            fuel::spend(it.len());
            Ok(it.iter().map(|(_, value)| value.clone()).collect())
        }
        it => fail(format!("{} has no elements", shown(&it))),
    }
}

fn text(it: &Value) -> Result<&str> {
    match it {
        Value::Str(it) => {
            fuel::spend(it.len() / 64);
            Ok(it)
        }
        it => fail(format!("{} is not text", shown(it))),
    }
}

fn number(it: &Value) -> Result<&Number> {
    match it {
        Value::Num(it) => Ok(it),
        it => fail(format!("{} is not a number", shown(it))),
    }
}

fn whole(it: &Value, what: &str) -> Result<i64> {
    match number(it)?.as_i64() {
        Some(it) => Ok(it),
        None => fail(format!("{} is not a whole number for a {what}", shown(it))),
    }
}

fn places_of(it: &Value) -> Result<u32> {
    match whole(it, "number of decimal places")? {
        it @ 0..=28 => Ok(it as u32),
        it => fail(format!("{it} decimal places are not from 0 to 28")),
    }
}

fn length(it: Value) -> Result {
    let count = match &it {
        Value::Null => 0,
        Value::Str(it) => {
            fuel::spend(it.len() / 64);
            it.chars().count()
        }
        Value::Arr(it) => it.items().len(),
        Value::Obj(it) => it.len(),
        Value::Num(it) if *it < Number::Decimal(0.into()) => return calculated(it.negated()),
        Value::Num(_) => return Ok(Jq(it)),
        Value::Bool(_) => return fail(format!("{} has no length", shown(&it))),
    };
    Ok(Jq(Value::from(count as i64)))
}

fn keys(it: &Value) -> Result {
    match it {
        Value::Obj(it) => {
            let mut names: Vec<_> = it.iter().map(|(name, _)| name.clone()).collect();
            names.sort();
            Ok(array(names.into_iter().map(Value::Str).collect()))
        }
        Value::Arr(it) => Ok(array(
            (0..it.items().len() as i64).map(Value::from).collect(),
        )),
        it => fail(format!("{} has no keys", shown(it))),
    }
}

fn has(it: &Value, key: &Value) -> Result {
    match (it, key) {
        (Value::Obj(it), Value::Str(name)) => Ok(yes_or_no(it.get(name).is_some())),
        (Value::Arr(it), Value::Num(at)) => {
            let at = at.as_i64().and_then(|it| usize::try_from(it).ok());
            Ok(yes_or_no(at.is_some_and(|at| at < it.items().len())))
        }
        (it, key) => fail(format!("{} cannot have a key {}", shown(it), shown(key))),
    }
}

fn contains(it: &Value, part: &Value) -> Result<bool> {
    fuel::spend(it.weight().min(part.weight()) as usize);
    match (it, part) {
        (Value::Str(it), Value::Str(part)) => {
            fuel::spend(it.len() / 16);
            Ok(it.contains(&**part))
        }
        (Value::Arr(it), Value::Arr(parts)) => {
            for part in parts.items() {
                let mut found = false;
                for it in it.items() {
                    found = found || (it.kind() == part.kind() && contains(it, part)?);
                }
                if !found {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Obj(it), Value::Obj(parts)) => {
            for (name, part) in parts.iter() {
                match it.get(name) {
                    Some(it) if it.kind() == part.kind() && contains(it, part)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (it, part) if it.kind() == part.kind() => Ok(it == part),
        (it, part) => fail(format!("{} cannot contain {}", shown(it), shown(part))),
    }
}

fn to_number(it: Value) -> Result {
    match &it {
        Value::Num(_) => Ok(Jq(it)),
        Value::Str(text) => match Number::parse(&without_leading_zeros(text.trim())) {
            Some(it) => Ok(Jq(Value::Num(it))),
            None => fail(format!("{} is not a number", shown(&it))),
        },
        it => fail(format!("{} is not a number", shown(it))),
    }
}

/// JSON writes no number so, but people and dates do: `09` is nine.
fn without_leading_zeros(text: &str) -> Cow<'_, str> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(it) => ("-", it),
        None => ("", text),
    };
    let rest = digits.trim_start_matches('0');
    let zeros = digits.len() - rest.len();
    let ends_in_zero = !rest.starts_with(|it: char| it.is_ascii_digit());
    match zeros {
        0 => Cow::Borrowed(text),
        1 if ends_in_zero => Cow::Borrowed(text),
        _ if ends_in_zero => Cow::Owned(format!("{sign}0{rest}")),
        _ => Cow::Owned(format!("{sign}{rest}")),
    }
}

/// Text on one line without blanks at its ends and with single ones between; null when nothing is left.
fn one_line(it: &Value) -> Jq {
    if it.is_null() {
        return Jq(Value::Null);
    }
    let text = it.to_text();
    fuel::spend(1 + text.len() / 16);
    let trimmed = text.trim();
    let blank = |it: char| matches!(it, ' ' | '\n' | '\t');
    let crowded = trimmed.contains(['\n', '\t']) || trimmed.contains("  ");
    Jq(match (trimmed.is_empty(), crowded, it) {
        (true, _, _) => Value::Null,
        (_, true, _) => {
            let words: Vec<&str> = trimmed.split(blank).filter(|it| !it.is_empty()).collect();
            Value::from(words.join(" "))
        }
        (_, _, Value::Str(_)) if trimmed.len() == text.len() => it.clone(),
        _ => Value::text(trimmed),
    })
}

fn flatten(it: Value, depth: i64) -> Result {
    // Values are never deeper than `MAX_DEPTH`, so this recursion is short.
    fn into(items: Vec<Value>, depth: i64, flat: &mut Vec<Value>) {
        for it in items {
            fuel::spend(1);
            match it {
                Value::Arr(it) if depth > 0 => into(Array::into_items(it), depth - 1, flat),
                it => flat.push(it),
            }
        }
    }
    let mut flat = Vec::new();
    into(elements(it)?, depth, &mut flat);
    Ok(array(flat))
}

fn reverse(it: Value) -> Result {
    match it {
        Value::Str(it) => Ok(Jq::from(it.chars().rev().collect::<String>())),
        Value::Null => Ok(array(Vec::new())),
        it => {
            let mut items = elements(it)?;
            items.reverse();
            Ok(array(items))
        }
    }
}

fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    spend_on_sorting(&items);
    items.sort();
    items
}

/// Each element is compared with some others, about the logarithm of how many there are.
fn spend_on_sorting(items: &[Value]) {
    let weight = items
        .iter()
        .map(|it| it.weight() as usize)
        .fold(0, usize::saturating_add);
    fuel::spend(weight.saturating_mul(1 + items.len().checked_ilog2().unwrap_or(0) as usize));
}

/// Order of `[key, element]` pairs by key alone.
fn by_key(l: &Value, r: &Value) -> std::cmp::Ordering {
    l.child("0").cmp(&r.child("0"))
}

/// `[key, element]` pairs to the elements of each key, in the order of the keys.
fn groups(it: Value) -> Result {
    let mut pairs = elements(it)?;
    spend_on_sorting(&pairs);
    pairs.sort_by(by_key);
    let same = |l: &Value, r: &Value| by_key(l, r).is_eq();
    let element = |it: &Value| it.child("1").cloned().unwrap_or_default();
    let groups = pairs
        .chunk_by(same)
        .map(|it| Value::array(it.iter().map(element).collect()));
    Ok(array(groups.collect()))
}

fn to_entries(it: &Value) -> Result {
    match it {
        Value::Obj(it) => {
            let entry = |(name, value): (&std::sync::Arc<str>, &Value)| {
                Value::object([("key", Value::Str(name.clone())), ("value", value.clone())])
            };
            Ok(array(it.iter().map(entry).collect()))
        }
        it => fail(format!("{} has no entries", shown(it))),
    }
}

fn from_entries(it: Value) -> Result {
    let mut object = Object::default();
    for entry in elements(it)? {
        let part = |names: [&str; 3]| names.iter().find_map(|it| entry.child(it)).cloned();
        match part(["key", "name", "k"]) {
            Some(Value::Null) | None => object.insert("null", Value::Null),
            Some(name) => object.insert(
                name.to_text(),
                part(["value", "v", "value"]).unwrap_or_default(),
            ),
        }
    }
    Jq::from_map(
        object
            .iter()
            .map(|(name, value)| (Jq(Value::Str(name.clone())), Jq(value.clone()))),
    )
}

fn implode(it: Value) -> Result {
    let mut text = String::new();
    for code in elements(it)? {
        let code = whole(&code, "character")?;
        match u32::try_from(code).ok().and_then(char::from_u32) {
            Some(it) => text.push(it),
            None => return fail(format!("{code} is not a character")),
        }
    }
    Ok(Jq::from(text))
}

fn join(it: Value, by: &Value) -> Result {
    let by = text(by)?;
    let mut joined = String::new();
    for (index, it) in elements(it)?.into_iter().enumerate() {
        if index > 0 {
            joined.push_str(by);
        }
        match it {
            Value::Null => {}
            it @ (Value::Arr(_) | Value::Obj(_)) => {
                return fail(format!("{} cannot be joined", shown(&it)));
            }
            it => joined.push_str(&it.to_text()),
        }
        if joined.len() > MAX_TEXT {
            return fail(format!("a text of more than {MAX_TEXT} bytes"));
        }
    }
    Ok(Jq::from(joined))
}

fn without(it: Value, part: &Value, strip: for<'a> fn(&'a str, &str) -> Option<&'a str>) -> Jq {
    if let (Value::Str(whole), Value::Str(part)) = (&it, part) {
        fuel::spend(whole.len() / 64);
        if let Some(rest) = strip(whole, part) {
            return Jq(Value::from(rest));
        }
    }
    Jq(it)
}

fn test(it: &Value, re: &Value, flags: &Value) -> Result {
    let (it, re) = (text(it)?, text(re)?);
    let flags = match flags {
        Value::Null => "",
        it => text(it)?,
    };
    // Linear in the text, whatever the expression; compiling one costs more than any match.
    fuel::spend(1 + it.len() / 4);
    COMPILED.with_borrow_mut(|compiled| {
        let known = compiled.iter().find(|it| it.1 == re && it.0 == flags);
        if let Some((_, _, regex)) = known {
            return Ok(yes_or_no(regex.is_match(it)));
        }
        fuel::spend(2000);
        let regex = regex_of(re, flags).map_err(Error::str)?;
        if compiled.len() >= REGEXES {
            compiled.remove(0);
        }
        let found = regex.is_match(it);
        compiled.push((flags.to_owned(), re.to_owned(), regex));
        Ok(yes_or_no(found))
    })
}

/// Compiles a regular expression; also used when a mapping loads, for those written out in it.
pub(super) fn regex_of(re: &str, flags: &str) -> std::result::Result<Regex, String> {
    let mut builder = RegexBuilder::new(re);
    for flag in flags.chars() {
        match flag {
            'g' => &mut builder,
            'i' => builder.case_insensitive(true),
            's' => builder.dot_matches_new_line(true),
            'x' => builder.ignore_whitespace(true),
            it => return Err(format!("`{it}` is not a flag of a regular expression")),
        };
    }
    builder
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .build()
        .map_err(|it| {
            let reason = it.to_string();
            let last = reason.lines().last().unwrap_or_default();
            format!(
                "`{re}` is not a regular expression: {}",
                last.trim_start_matches("error: ")
            )
        })
}

/// An RFC 3339 instant to the calendar date that it falls on in a zone. Vendors write instants with
/// up to nine digits of fraction, and some without a zone, which then mean UTC. A calendar date
/// stays what it is, null stays null.
fn date(it: Value, zone: &Value) -> Result {
    let zone = match zone {
        Value::Null => TimeZone::UTC,
        it => match TimeZone::get(text(it)?) {
            Ok(it) => it,
            Err(_) => return fail(format!("{} is not a time zone", shown(it))),
        },
    };
    if it.is_null() {
        return Ok(Jq(it));
    }
    let written = text(&it)?.trim();
    let date = if written.len() == 10 {
        written.parse::<civil::Date>().ok()
    } else {
        let with_zone = written.parse::<Timestamp>().ok();
        let instant = with_zone.or_else(|| {
            let local = written.parse::<civil::DateTime>().ok()?;
            TimeZone::UTC.to_timestamp(local).ok()
        });
        instant.map(|it| zone.to_datetime(it).date())
    };
    match date {
        Some(it) => Ok(Jq(Value::from(it.to_string()))),
        None => fail(format!("{} is neither a date nor an instant", shown(&it))),
    }
}
