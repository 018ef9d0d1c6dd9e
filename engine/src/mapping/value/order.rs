//! Equality and order, as jq has them: null, false, true, numbers, text, arrays, objects.

use std::{cmp::Ordering, fmt, sync::Arc};

use super::{Array, Object, Value};

impl Value {
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(false) => 1,
            Self::Bool(true) => 2,
            Self::Num(_) => 3,
            Self::Str(_) => 4,
            Self::Arr(_) => 5,
            Self::Obj(_) => 6,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(l), Self::Bool(r)) => l == r,
            (Self::Num(l), Self::Num(r)) => l == r,
            (Self::Str(l), Self::Str(r)) => l == r,
            (Self::Arr(l), Self::Arr(r)) => Arc::ptr_eq(l, r) || l == r,
            (Self::Obj(l), Self::Obj(r)) => Arc::ptr_eq(l, r) || l == r,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Num(l), Self::Num(r)) => l.cmp(r),
            (Self::Str(l), Self::Str(r)) => l.cmp(r),
            (Self::Arr(l), Self::Arr(r)) if Arc::ptr_eq(l, r) => Ordering::Equal,
            (Self::Arr(l), Self::Arr(r)) => l.items().cmp(r.items()),
            (Self::Obj(l), Self::Obj(r)) if Arc::ptr_eq(l, r) => Ordering::Equal,
            (Self::Obj(l), Self::Obj(r)) => l.cmp(r),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Self) -> bool {
        self.items() == other.items()
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(k, v)| other.get(k) == Some(v))
    }
}

impl Object {
    /// First the sorted names, then the values in that order.
    fn cmp(&self, other: &Self) -> Ordering {
        let sorted = |it: &Self| {
            let mut fields: Vec<_> = it.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            fields.sort_by(|(l, _), (r, _)| l.cmp(r));
            fields.into_iter().unzip::<_, _, Vec<_>, Vec<_>>()
        };
        sorted(self).cmp(&sorted(other))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.excerpt(2000))
    }
}
