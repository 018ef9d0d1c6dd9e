//! Lists whose rows are not where they should be.
//!
//! A vendor's list is found in an answer without knowing the vendor: it is the answer itself, or its
//! longest member that is an array of objects.

use std::collections::HashMap;

use crate::exchange::{Reply, Request};
use crate::json::Json;

/// Longest lists whose last row is remembered, so that a script costs little.
const LISTS: usize = 64;

/// The last row of the newest answer to each list.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastRows(HashMap<String, Json>);

impl LastRows {
    /// Remembers the last row of an answer that is delivered.
    pub(crate) fn note(&mut self, request: &Request, reply: &Reply) {
        if reply.status != 200 || request.writes() {
            return;
        }
        let Some(mut answer) = parsed(reply) else {
            return;
        };
        if self.0.len() >= LISTS {
            self.0.clear();
        }
        if let Some(last) = list_in(&mut answer).and_then(|rows| rows.last().cloned()) {
            self.0.insert(request.path.clone(), last);
        }
    }

    /// Puts the last row of the list before at the head of this one; where there is none, its own
    /// first row stands there twice.
    pub(crate) fn repeat(&self, request: &Request, reply: &mut Reply) {
        let Some(mut answer) = parsed(reply) else {
            return;
        };
        let Some(rows) = list_in(&mut answer) else {
            return;
        };
        let before = self.0.get(&request.path).or(rows.first()).cloned();
        if let Some(row) = before {
            rows.insert(0, row);
            reply.body = answer.text().into();
        }
    }
}

/// Turns the elements of an answer round.
pub(crate) fn shuffle(reply: &mut Reply) {
    let Some(mut answer) = parsed(reply) else {
        return;
    };
    if let Some(rows) = list_in(&mut answer) {
        rows.reverse();
        reply.body = answer.text().into();
    }
}

fn parsed(reply: &Reply) -> Option<Json> {
    Json::parse(&reply.body_text()).ok()
}

fn list_in(answer: &mut Json) -> Option<&mut Vec<Json>> {
    let of_objects = |rows: &Vec<Json>| rows.iter().all(|it| it.as_object().is_some());
    match answer {
        Json::Arr(rows) => of_objects(rows).then_some(rows),
        // A document of its own: what it holds in lists are its parts.
        Json::Obj(object)
            if ["id", "ID", "uuid"]
                .iter()
                .any(|it| object.get(it).is_some()) =>
        {
            None
        }
        Json::Obj(object) => {
            let longest = object
                .iter()
                .filter_map(|(name, value)| match value {
                    Json::Arr(rows) if of_objects(rows) => Some((rows.len(), name.to_owned())),
                    _ => None,
                })
                .max();
            let (_, name) = longest?;
            match object.get_mut(&name) {
                Some(Json::Arr(rows)) => Some(rows),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_found_in_every_shape() {
        let cases = [
            (r#"[{"a":1},{"a":2}]"#, r#"[{"a":2},{"a":1}]"#),
            (
                r#"{"n":2,"rows":[{"a":1},{"a":2}],"none":[]}"#,
                r#"{"n":2,"rows":[{"a":2},{"a":1}],"none":[]}"#,
            ),
            (r#"{"a":1}"#, r#"{"a":1}"#),
            (
                r#"{"id":1,"rows":[{"a":1},{"a":2}]}"#,
                r#"{"id":1,"rows":[{"a":1},{"a":2}]}"#,
            ),
            ("no", "no"),
        ];
        for (body, turned) in cases {
            let mut reply = Reply::json(200, body);
            shuffle(&mut reply);
            assert_eq!(reply.body_text(), turned);
        }
    }

    #[test]
    fn the_last_row_of_the_page_before_is_repeated() {
        let get = Request::new("GET", "/a?page=2");
        let mut last = LastRows::default();
        let mut second = Reply::json(200, r#"[{"a":3}]"#);
        last.repeat(&get, &mut second);
        assert_eq!(second.body_text(), r#"[{"a":3},{"a":3}]"#);
        last.note(&get, &Reply::json(200, r#"[{"a":1},{"a":2}]"#));
        let mut second = Reply::json(200, r#"[{"a":3}]"#);
        last.repeat(&get, &mut second);
        assert_eq!(second.body_text(), r#"[{"a":2},{"a":3}]"#);
    }
}
