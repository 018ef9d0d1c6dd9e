//! Arrays and objects: shared, with their depth and weight known, so that nothing grows too deep to
//! be dropped or too heavy to be walked. (A value of a few kilobytes whose parts are shared may stand
//! for terabytes of text.)

use std::{iter::FromIterator, sync::Arc};

use indexmap::IndexMap;

use super::{Number, Value};

/// The elements of an array.
#[derive(Clone, Default)]
pub struct Array {
    items: Vec<Value>,
    depth: u32,
    weight: u32,
}

/// The fields of an object, in the order in which they were put in.
#[derive(Clone, Default)]
pub struct Object {
    // Fields are looked up thousands of times a document: the standard hash was a fifth of the cost.
    fields: IndexMap<Arc<str>, Value, foldhash::fast::RandomState>,
    depth: u32,
    weight: u32,
}

impl Array {
    /// The elements.
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// Takes the elements out, without copying when nobody else holds them.
    pub fn into_items(this: Arc<Self>) -> Vec<Value> {
        match Arc::try_unwrap(this) {
            Ok(it) => it.items,
            Err(it) => it.items.clone(),
        }
    }

    pub(super) fn slot(&mut self, index: usize) -> Option<&mut Value> {
        self.items.get_mut(index)
    }

    pub(super) fn push(&mut self, value: Value) {
        self.items.push(value);
    }

    pub(super) fn recount(&mut self) {
        self.depth = 1 + self.items.iter().map(Value::depth).max().unwrap_or(0);
        self.weight = self
            .items
            .iter()
            .map(Value::weight)
            .fold(1, u32::saturating_add);
    }
}

impl Object {
    /// A field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// Fields in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Value)> {
        self.fields.iter()
    }

    /// The field at a position.
    pub fn at(&self, position: usize) -> Option<(&Arc<str>, &Value)> {
        self.fields.get_index(position)
    }

    /// How many fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Puts a field in, or replaces it at its place.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: Value) {
        self.depth = self.depth.max(1 + value.depth());
        // An upper bound: what a field had before stays counted.
        self.weight = self.weight.saturating_add(value.weight());
        self.fields.insert(name.into(), value);
    }

    /// Takes a field out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.fields.shift_remove(name)
    }

    pub(super) fn slot(&mut self, name: &str) -> &mut Value {
        self.fields.entry(Arc::from(name)).or_insert(Value::Null)
    }

    pub(super) fn recount(&mut self) {
        self.depth = 1 + self.fields.values().map(Value::depth).max().unwrap_or(0);
        self.weight = self
            .fields
            .values()
            .map(Value::weight)
            .fold(1, u32::saturating_add);
    }
}

impl FromIterator<(Arc<str>, Value)> for Object {
    /// Of fields with the same name the last one stays.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(iter: I) -> Self {
        let mut it = Self {
            fields: iter.into_iter().collect(),
            ..Self::default()
        };
        it.recount();
        it
    }
}

impl Value {
    /// An array.
    pub fn array(items: Vec<Value>) -> Self {
        let mut it = Array {
            items,
            ..Array::default()
        };
        it.recount();
        Self::Arr(Arc::new(it))
    }

    /// An object, fields in the order given.
    pub fn object<K: Into<Arc<str>>>(fields: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::from(
            fields
                .into_iter()
                .map(|(k, v)| (k.into(), v))
                .collect::<Object>(),
        )
    }

    /// Text.
    pub fn text(it: impl Into<Arc<str>>) -> Self {
        Self::Str(it.into())
    }

    /// Levels of arrays and objects: 0 for anything else.
    pub fn depth(&self) -> u32 {
        match self {
            Self::Arr(it) => it.depth.max(1),
            Self::Obj(it) => it.depth.max(1),
            _ => 0,
        }
    }

    /// How much there is to walk, shared parts counted each time: one for a value and each of its
    /// parts, one more for every 64 bytes of text.
    pub fn weight(&self) -> u32 {
        match self {
            Self::Str(it) => u32::try_from(1 + it.len() / 64).unwrap_or(u32::MAX),
            Self::Arr(it) => it.weight.max(1),
            Self::Obj(it) => it.weight.max(1),
            _ => 1,
        }
    }

    /// What kind of value it is, as jq names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Num(_) => "number",
            Self::Str(_) => "string",
            Self::Arr(_) => "array",
            Self::Obj(_) => "object",
        }
    }
}

impl From<Object> for Value {
    fn from(it: Object) -> Self {
        Self::Obj(Arc::new(it))
    }
}

impl From<Vec<Value>> for Value {
    fn from(it: Vec<Value>) -> Self {
        Self::array(it)
    }
}

impl From<bool> for Value {
    fn from(it: bool) -> Self {
        Self::Bool(it)
    }
}

impl From<&str> for Value {
    fn from(it: &str) -> Self {
        Self::Str(it.into())
    }
}

impl From<String> for Value {
    fn from(it: String) -> Self {
        Self::Str(it.into())
    }
}

impl From<Number> for Value {
    fn from(it: Number) -> Self {
        Self::Num(it)
    }
}

impl From<rust_decimal::Decimal> for Value {
    fn from(it: rust_decimal::Decimal) -> Self {
        Self::Num(Number::Decimal(it))
    }
}

impl From<i64> for Value {
    fn from(it: i64) -> Self {
        Self::from(rust_decimal::Decimal::from(it))
    }
}
