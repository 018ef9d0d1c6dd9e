//! Fields of a counterparty that a route pushes, compared before they go.
//!
//! Who changed a field is known by comparing each side with itself: the source with what it said when
//! the target was seen last, the target with what it showed then. So a name that always differed stays as
//! each side has it.

use super::{
    compare::{Difference, same},
    value::{Object, Value},
};

/// What becomes of the fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pushed {
    /// Fields that the source alone changed, as it has them now.
    pub body: Value,
    /// Fields that both changed, differently.
    pub conflicts: Vec<Difference>,
}

impl Pushed {
    /// There is nothing to send.
    pub fn is_nothing(&self) -> bool {
        self.body.as_object().is_none_or(Object::is_empty)
    }
}

/// Compares `fields`: what the source said and says, what the target showed (`saw`) and shows (`held`).
///
/// What the source no longer has stays as it is in the target: a body cannot say "nothing".
pub fn pushed(
    fields: &[String],
    said: &Value,
    saw: &Value,
    held: &Value,
    wanted: &Value,
) -> Pushed {
    let mut body = Object::default();
    let mut conflicts = Vec::new();
    for field in fields {
        let part = |it: &Value| it.child(field).cloned().unwrap_or_default();
        let (said, saw, held, wanted) = (part(said), part(saw), part(held), part(wanted));
        if wanted.is_null() || same(&wanted, &held) || same(&wanted, &said) {
            continue;
        }
        if same(&saw, &held) {
            body.insert(field.as_str(), wanted);
        } else {
            conflicts.push(Difference {
                field: field.clone(),
                sent: said,
                held,
                wanted,
            });
        }
    }
    Pushed {
        body: Value::from(body),
        conflicts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Body and conflicting fields of one field, from: said, saw, held, wanted.
    fn check(sides: [&str; 4], body: &str, conflicts: usize) {
        let one = |it: &str| match it {
            "" => Value::object::<&str>([]),
            it => Value::object([("Name", Value::from(it))]),
        };
        let [said, saw, held, wanted] = sides.map(one);
        let found = pushed(&["Name".to_owned()], &said, &saw, &held, &wanted);
        assert_eq!(found.body, one(body), "{sides:?}");
        assert_eq!(found.conflicts.len(), conflicts, "{sides:?}");
        assert_eq!(found.is_nothing(), body.is_empty(), "{sides:?}");
    }

    #[test]
    fn each_side_is_compared_with_itself() {
        // Only the source changed.
        check(["a", "a", "a", "b"], "b", 0);
        // Always written differently, and only the source changed.
        check(["a", "x", "x", "b"], "b", 0);
        // Always written differently, and nobody changed it.
        check(["a", "x", "x", "a"], "", 0);
        // Only the bookkeeper changed it.
        check(["a", "a", "x", "a"], "", 0);
        // Both, to the same.
        check(["a", "a", "b", "b"], "", 0);
        // Both, differently.
        check(["a", "a", "x", "b"], "", 1);
        // New in the source, and the target has none.
        check(["", "", "", "b"], "b", 0);
        // Gone from the source.
        check(["a", "a", "a", ""], "", 0);
    }
}
