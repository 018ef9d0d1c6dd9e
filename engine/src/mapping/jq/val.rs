//! Our values as the interpreter sees them.
//!
//! [`Jq`] is a thin coat over [`Value`]: the same operations, counted (see `fuel`), with jq's
//! meaning. Its free functions serve the direct look-ups too, so that both ways say the same.

use std::{
    fmt,
    ops::{Add, Div, Mul, Neg, Rem, Sub},
    sync::Arc,
};

use jaq_core::{Error, Exn, ValR, ValT, ValX, box_iter::BoxIter, path::Opt, val::Range};

use super::fuel::{self, Limit};
use crate::mapping::value::{ArithmeticError, Array, MAX_DEPTH, Number, Object, Value};

/// Longest text that an expression may build.
pub(super) const MAX_TEXT: usize = 1 << 20;

/// A value inside the interpreter.
pub(super) struct Jq(pub(super) Value);

type Result<T = Jq> = ValR<T, Jq>;

impl Jq {
    /// Ends the run when the value is nested too deeply.
    pub(super) fn checked(it: Value) -> Self {
        if it.depth() > MAX_DEPTH {
            fuel::stop(Limit::Depth);
        }
        Self(it)
    }
}

pub(super) fn fail<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::str(message.into()))
}

/// A value as messages show it: kind and beginning.
pub(super) fn shown(it: &Value) -> String {
    match it {
        Value::Null => "null".to_owned(),
        it => format!("{} {}", it.kind(), it.excerpt(40)),
    }
}

/// `.[index]`.
pub(super) fn index(it: &Value, index: &Value) -> std::result::Result<Value, String> {
    Ok(match (it, index) {
        (Value::Null, Value::Str(_) | Value::Num(_)) => Value::Null,
        (Value::Obj(it), Value::Str(name)) => it.get(name).cloned().unwrap_or_default(),
        (Value::Arr(it), Value::Num(at)) => at
            .as_i64()
            .and_then(|at| position(at, it.items().len()))
            .and_then(|at| it.items().get(at).cloned())
            .unwrap_or_default(),
        (it, Value::Str(name)) => return Err(no_field(it, name)),
        (it, index) => return Err(format!("cannot index {} with {}", shown(it), shown(index))),
    })
}

pub(super) fn no_field(it: &Value, name: &str) -> String {
    format!("cannot look up `{name}` in {}", shown(it))
}

pub(super) fn no_name(it: &Value) -> String {
    format!("{} cannot name a field", shown(it))
}

pub(super) fn too_long() -> String {
    format!("a text of more than {MAX_TEXT} bytes")
}

/// A number as jq writes it: leading zeros are allowed there, in JSON they are not.
pub(super) fn literal(text: &str) -> Option<Number> {
    let trimmed = text.trim_start_matches('0');
    if trimmed.starts_with(|c: char| c.is_ascii_digit()) {
        Number::parse(trimmed)
    } else {
        Number::parse(&format!("0{trimmed}"))
    }
}

pub(super) fn not_iterable(it: &Value) -> String {
    format!("cannot go through the elements of {}", shown(it))
}

/// Negative positions count from the end.
fn position(at: i64, len: usize) -> Option<usize> {
    if at >= 0 {
        at.try_into().ok()
    } else {
        len.checked_sub(usize::try_from(at.unsigned_abs()).ok()?)
    }
}

impl Clone for Jq {
    fn clone(&self) -> Self {
        fuel::spend(1);
        Self(self.0.clone())
    }
}

impl fmt::Display for Jq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only error messages print values; raised texts stay whole.
        match &self.0 {
            Value::Str(it) => f.write_str(it),
            it => f.write_str(&it.excerpt(200)),
        }
    }
}

/// A comparison walks both as far as the lighter one goes.
fn spend_on_both(l: &Jq, r: &Jq) {
    fuel::spend(l.0.weight().min(r.0.weight()) as usize);
}

impl PartialEq for Jq {
    fn eq(&self, other: &Self) -> bool {
        spend_on_both(self, other);
        self.0 == other.0
    }
}

impl PartialOrd for Jq {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        spend_on_both(self, other);
        Some(self.0.cmp(&other.0))
    }
}

impl From<bool> for Jq {
    fn from(it: bool) -> Self {
        Self(Value::Bool(it))
    }
}

impl From<isize> for Jq {
    fn from(it: isize) -> Self {
        Self(Value::from(it as i64))
    }
}

impl From<String> for Jq {
    fn from(it: String) -> Self {
        fuel::spend(1 + it.len() / 64);
        Self(Value::from(it))
    }
}

impl From<Range<Self>> for Jq {
    fn from(it: Range<Self>) -> Self {
        let end = |it: Option<Self>| it.map(|it| it.0).unwrap_or_default();
        Self(Value::object([
            ("start", end(it.start)),
            ("end", end(it.end)),
        ]))
    }
}

impl FromIterator<Self> for Jq {
    fn from_iter<I: IntoIterator<Item = Self>>(iter: I) -> Self {
        let items = iter.into_iter().map(|it| {
            fuel::spend(1);
            it.0
        });
        Self::checked(Value::array(items.collect()))
    }
}

fn arithmetic(it: std::result::Result<Number, ArithmeticError>) -> Result {
    it.map(|it| Jq(Value::Num(it)))
        .map_err(|it| Error::str(it.to_string()))
}

fn cannot(verb: &str, l: &Value, and: &str, r: &Value) -> Result {
    fail(format!("cannot {verb} {} {and} {}", shown(l), shown(r)))
}

impl Add for Jq {
    type Output = Result;
    fn add(self, other: Self) -> Result {
        fuel::spend(1);
        Ok(match (self.0, other.0) {
            (Value::Null, it) | (it, Value::Null) => Self(it),
            (Value::Num(l), Value::Num(r)) => return arithmetic(l.plus(&r)),
            (Value::Str(l), Value::Str(r)) => {
                let length = l.len() + r.len();
                if length > MAX_TEXT {
                    return fail(too_long());
                }
                fuel::spend(length / 64);
                Self(Value::from([&*l, &*r].concat()))
            }
            (Value::Arr(l), Value::Arr(r)) => {
                fuel::spend(l.items().len() + r.items().len());
                let mut items = Array::into_items(l);
                items.extend_from_slice(r.items());
                Self(Value::array(items))
            }
            (Value::Obj(mut l), Value::Obj(r)) => {
                fuel::spend(l.len() + r.len());
                let object = Arc::make_mut(&mut l);
                for (name, value) in r.iter() {
                    object.insert(name.clone(), value.clone());
                }
                Self(Value::Obj(l))
            }
            (l, r) => return cannot("add", &l, "and", &r),
        })
    }
}

impl Sub for Jq {
    type Output = Result;
    fn sub(self, other: Self) -> Result {
        match (self.0, other.0) {
            (Value::Num(l), Value::Num(r)) => arithmetic(l.minus(&r)),
            (Value::Arr(l), Value::Arr(r)) => {
                fuel::spend(
                    (Value::Arr(l.clone()).weight() as usize).saturating_mul(r.items().len()),
                );
                let mut items = Array::into_items(l);
                items.retain(|it| !r.items().contains(it));
                Ok(Self(Value::array(items)))
            }
            (l, r) => cannot("take", &r, "from", &l),
        }
    }
}

impl Mul for Jq {
    type Output = Result;
    fn mul(self, other: Self) -> Result {
        match (self.0, other.0) {
            (Value::Num(l), Value::Num(r)) => arithmetic(l.times(&r)),
            (Value::Obj(l), Value::Obj(r)) => Ok(Self::checked(merged(l, &r))),
            (l, r) => cannot("multiply", &l, "and", &r),
        }
    }
}

fn merged(mut l: Arc<Object>, r: &Arc<Object>) -> Value {
    fuel::spend(l.len() + r.len());
    let object = Arc::make_mut(&mut l);
    for (name, value) in r.iter() {
        let value = match (object.get(name), value) {
            (Some(Value::Obj(l)), Value::Obj(r)) => merged(l.clone(), r),
            (_, it) => it.clone(),
        };
        object.insert(name.clone(), value);
    }
    Value::Obj(l)
}

impl Div for Jq {
    type Output = Result;
    fn div(self, other: Self) -> Result {
        match (self.0, other.0) {
            (Value::Num(l), Value::Num(r)) => arithmetic(l.over(&r)),
            (Value::Str(l), Value::Str(r)) => Ok(Self(split(&l, &r))),
            (l, r) => cannot("divide", &l, "by", &r),
        }
    }
}

/// `split`: an empty separator gives the characters, an empty text gives nothing.
pub(super) fn split(text: &str, separator: &str) -> Value {
    fuel::spend(1 + text.len());
    Value::array(if text.is_empty() {
        Vec::new()
    } else if separator.is_empty() {
        text.chars().map(|it| Value::from(it.to_string())).collect()
    } else {
        text.split(separator).map(Value::from).collect()
    })
}

impl Rem for Jq {
    type Output = Result;
    fn rem(self, other: Self) -> Result {
        match (self.0, other.0) {
            (Value::Num(l), Value::Num(r)) => arithmetic(l.modulo(&r)),
            (l, r) => cannot("divide", &l, "by", &r),
        }
    }
}

impl Neg for Jq {
    type Output = Result;
    fn neg(self) -> Result {
        match self.0 {
            Value::Num(it) => arithmetic(it.negated()),
            it => fail(format!("cannot negate {}", shown(&it))),
        }
    }
}

impl ValT for Jq {
    fn from_num(text: &str) -> Result {
        match literal(text) {
            Some(it) => Ok(Self(Value::Num(it))),
            None => fail(format!("`{text}` is not a number")),
        }
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(iter: I) -> Result {
        let mut object = Object::default();
        for (name, value) in iter {
            fuel::spend(1);
            match name.0 {
                Value::Str(name) => object.insert(name, value.0),
                it => return fail(no_name(&it)),
            }
        }
        Ok(Self::checked(Value::from(object)))
    }

    fn key_values(self) -> BoxIter<'static, Result<(Self, Self)>> {
        match self.0 {
            Value::Arr(it) => Box::new((0..it.items().len()).map(move |at| {
                fuel::spend(1);
                Ok((Self(Value::from(at as i64)), Self(it.items()[at].clone())))
            })),
            Value::Obj(it) => Box::new((0..it.len()).filter_map(move |at| {
                fuel::spend(1);
                let (name, value) = it.at(at)?;
                Some(Ok((Self(Value::Str(name.clone())), Self(value.clone()))))
            })),
            it => Box::new(std::iter::once(fail(not_iterable(&it)))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = Result>> {
        match self.0 {
            Value::Arr(it) => Box::new((0..it.items().len()).map(move |at| {
                fuel::spend(1);
                Ok(Self(it.items()[at].clone()))
            })),
            Value::Obj(it) => Box::new((0..it.len()).filter_map(move |at| {
                fuel::spend(1);
                Some(Ok(Self(it.at(at)?.1.clone())))
            })),
            it => Box::new(std::iter::once(fail(not_iterable(&it)))),
        }
    }

    fn index(self, at: &Self) -> Result {
        fuel::spend(1);
        index(&self.0, &at.0).map(Self).map_err(Error::str)
    }

    fn range(self, range: Range<&Self>) -> Result {
        fuel::spend(1);
        match self.0 {
            Value::Null => Ok(Self(Value::Null)),
            Value::Arr(it) => {
                let (from, upto) = bounds(&range, it.items().len())?;
                fuel::spend(upto - from);
                Ok(Self(Value::array(it.items()[from..upto].to_vec())))
            }
            Value::Str(it) => {
                fuel::spend(it.len() / 16);
                let (from, upto) = bounds(&range, it.chars().count())?;
                let part: String = it.chars().skip(from).take(upto - from).collect();
                Ok(Self(Value::from(part)))
            }
            it => fail(format!("cannot take a slice of {}", shown(&it))),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self.0 {
            Value::Arr(it) => Array::into_items(it)
                .into_iter()
                .flat_map(|it| f(Self(it)))
                .collect(),
            Value::Obj(it) => {
                let mut object = Object::default();
                for (name, value) in it.iter() {
                    fuel::spend(1);
                    if let Some(value) = f(Self(value.clone())).next() {
                        object.insert(name.clone(), value?.0);
                    }
                }
                Ok(Self::checked(Value::from(object)))
            }
            it => opt.fail(Self(it), |it| Exn::from(Error::str(not_iterable(&it.0)))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        at: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        fuel::spend(1);
        match (self.0, &at.0) {
            (Value::Null, Value::Str(name)) => put(Arc::default(), name, f),
            (Value::Obj(it), Value::Str(name)) => put(it, name, f),
            (Value::Arr(it), Value::Num(at)) => {
                fuel::spend(it.items().len());
                let found = at
                    .as_i64()
                    .and_then(|at| position(at, it.items().len()))
                    .filter(|at| *at < it.items().len());
                let Some(found) = found else {
                    let message = format!("the array has no element {at}");
                    return opt.fail(Self(Value::Arr(it)), |_| Exn::from(Error::str(message)));
                };
                let mut items = Array::into_items(it);
                match f(Self(items[found].clone())).next().transpose()? {
                    Some(value) => items[found] = value.0,
                    None => drop(items.remove(found)),
                }
                Ok(Self::checked(Value::array(items)))
            }
            (it, _) => opt.fail(Self(it), |it| {
                let message = format!("cannot change {} of {}", shown(&at.0), shown(&it.0));
                Exn::from(Error::str(message))
            }),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self.0 {
            Value::Arr(it) => {
                fuel::spend(it.items().len());
                let (from, upto) = bounds(&range, it.items().len())?;
                let slice = Self(Value::array(it.items()[from..upto].to_vec()));
                let new = match f(slice).next().transpose()? {
                    None => Vec::new(),
                    Some(Self(Value::Arr(it))) => Array::into_items(it),
                    Some(Self(it)) => {
                        let message = format!("cannot put {} for a slice", shown(&it));
                        return Err(Exn::from(Error::str(message)));
                    }
                };
                let mut items = Array::into_items(it);
                items.splice(from..upto, new);
                Ok(Self::checked(Value::array(items)))
            }
            it => opt.fail(Self(it), |it| {
                Exn::from(Error::str(format!(
                    "cannot change a slice of {}",
                    shown(&it.0)
                )))
            }),
        }
    }

    fn as_bool(&self) -> bool {
        self.0.is_truthy()
    }

    fn into_string(self) -> Self {
        match self.0 {
            Value::Str(it) => Self(Value::Str(it)),
            it => Self(written(&it)),
        }
    }
}

/// A value as JSON text.
pub(super) fn written(it: &Value) -> Value {
    fuel::spend(it.weight() as usize);
    Value::from(it.to_json())
}

fn put<'a, I: Iterator<Item = ValX<'a, Jq>>>(
    mut it: Arc<Object>,
    name: &Arc<str>,
    f: impl Fn(Jq) -> I,
) -> ValX<'a, Jq> {
    fuel::spend(it.len());
    let old = it.get(name).cloned().unwrap_or_default();
    let new = f(Jq(old)).next().transpose()?;
    let object = Arc::make_mut(&mut it);
    match new {
        Some(value) => object.insert(name.clone(), value.0),
        None => drop(object.remove(name)),
    }
    Ok(Jq::checked(Value::Obj(it)))
}

fn bounds(range: &Range<&Jq>, len: usize) -> Result<(usize, usize)> {
    let bound = |it: &Option<&Jq>, default: usize| match it.map(|it| &it.0) {
        None | Some(Value::Null) => Ok(default),
        Some(Value::Num(it)) if it.as_i64().is_some() => {
            Ok(position(it.as_i64().unwrap_or(0), len)
                .unwrap_or(0)
                .min(len))
        }
        Some(it) => fail(format!("{} cannot bound a slice", shown(it))),
    };
    let (from, upto) = (bound(&range.start, 0)?, bound(&range.end, len)?);
    Ok((from, upto.max(from)))
}
