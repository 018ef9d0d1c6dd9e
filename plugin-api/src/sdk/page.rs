//! Documents on their way to the engine.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::abi::{Bytes, Doc, Str};
use crate::sdk::{Error, Result};

/// Documents that become durable together with a cursor.
///
/// They borrow from responses still held by the running `async fn`, so their text is never copied
/// nor written anew.
#[derive(Debug, Default)]
pub struct Page<'a> {
    items: Vec<Item<'a>>,
}

#[derive(Debug)]
struct Item<'a> {
    id: Cow<'a, str>,
    version: Cow<'a, str>,
    body: Option<Cow<'a, RawValue>>,
    change: u32,
}

/// [`Doc::change`] of a document that is there.
const PRESENT: u32 = 1;
/// [`Doc::change`] of a document that is no more.
const DELETED: u32 = 2;
/// [`Doc::change`] of a word about all documents whose ids begin so.
const ONLY: u32 = 3;

impl<'a> Page<'a> {
    /// An empty page. Committing one is a way to move the cursor alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document as it is now. The version is anything that differs when the document does.
    pub fn upsert(
        &mut self,
        id: impl Into<Cow<'a, str>>,
        version: impl Into<Cow<'a, str>>,
        body: &'a RawValue,
    ) {
        let body = Some(Cow::Borrowed(body));
        self.items.push(Item {
            id: id.into(),
            version: version.into(),
            body,
            change: PRESENT,
        });
    }

    /// Adds a document that the connector had to put together, as when it wraps two answers.
    pub fn upsert_owned(
        &mut self,
        id: impl Into<Cow<'a, str>>,
        version: impl Into<Cow<'a, str>>,
        body: Box<RawValue>,
    ) {
        let body = Some(Cow::Owned(body));
        self.items.push(Item {
            id: id.into(),
            version: version.into(),
            body,
            change: PRESENT,
        });
    }

    /// Says that a document is no more.
    pub fn delete(&mut self, id: impl Into<Cow<'a, str>>) {
        self.items.push(Item {
            id: id.into(),
            version: Cow::Borrowed(""),
            body: None,
            change: DELETED,
        });
    }

    /// Says that of all documents whose ids begin with `prefix`, those of this page are all there
    /// are: any other that the engine holds is no more. For parts of a whole that vanish without a
    /// trace, so that nobody could [delete](Self::delete) them by name.
    pub fn only(&mut self, prefix: impl Into<Cow<'a, str>>) {
        self.items.push(Item {
            id: prefix.into(),
            version: Cow::Borrowed(""),
            body: None,
            change: ONLY,
        });
    }

    /// Number of documents.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Of several words about one document the last one counts: vendors list a document twice when it
    /// moves while they are being read, or because they hold it twice.
    pub(crate) fn settle(&mut self) {
        let mut told = HashSet::with_capacity(self.items.len());
        let last: Vec<bool> = self
            .items
            .iter()
            .rev()
            .map(|item| told.insert((&*item.id, item.change == ONLY)))
            .collect();
        if last.contains(&false) {
            let mut last = last.into_iter().rev();
            self.items.retain(|_| last.next().unwrap_or(true));
        }
    }

    /// Checks what the engine would refuse, while the message can still name the document.
    pub(crate) fn check(&self, max_docs: u32) -> Result<()> {
        if max_docs != 0 && self.len() > max_docs as usize {
            return Err(Error::bug(format!(
                "a page of {} documents is larger than the {max_docs} that the engine takes: \
                 commit it in parts of `cx.limits().page_docs`",
                self.len()
            )));
        }
        match self.items.iter().position(|item| item.id.is_empty()) {
            None => Ok(()),
            Some(at) => Err(Error::bug(format!(
                "document {at} of the page has an empty id: a document without an id must be \
                 refused with `Error::protocol` where it is read"
            ))),
        }
    }

    /// The page as it crosses the boundary. The result points into `self`.
    pub(crate) fn lend(&self) -> Vec<Doc> {
        self.items.iter().map(Item::lend).collect()
    }
}

impl Item<'_> {
    fn lend(&self) -> Doc {
        let body = match &self.body {
            Some(body) => Bytes::new(body.get().as_bytes()),
            None => Bytes::EMPTY,
        };
        Doc {
            change: self.change,
            format: 0,
            id: Str::new(&self.id),
            version: Str::new(&self.version),
            body,
            number: Str::EMPTY,
            remote_id: Str::EMPTY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_a_vendor_lists_twice_in_one_answer_is_told_once() {
        let body: &RawValue = serde_json::from_str("{}").expect("JSON");
        let mut page = Page::new();
        for (id, version) in [("a", "1"), ("b", "1"), ("a", "2")] {
            page.upsert(id, version, body);
        }
        page.delete("b");
        page.only("a");
        page.settle();
        let told: Vec<_> = page
            .items
            .iter()
            .map(|it| (&*it.id, &*it.version, it.change))
            .collect();
        assert_eq!(
            told,
            [("a", "2", PRESENT), ("b", "", DELETED), ("a", "", ONLY)]
        );
    }

    #[test]
    fn documents_and_words_about_them_cross_as_what_they_are() {
        let body: &RawValue = serde_json::from_str("{}").expect("JSON");
        let mut page = Page::new();
        page.upsert("a/1", "v", body);
        page.delete("b");
        page.only("a/");
        let lent: Vec<_> = page
            .lend()
            .iter()
            .map(|it| (it.change, it.body.len))
            .collect();
        assert_eq!(lent, [(PRESENT, 2), (DELETED, 0), (ONLY, 0)]);
        page.only("");
        assert!(page.check(0).is_err(), "it would take everything away");
    }
}
