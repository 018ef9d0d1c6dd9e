//! What a mapping says of the documents that it makes without making one: fields that are the same in
//! each, and fields that links fill.

use super::{
    apply::{Apply, Kind, LinkAnswer, LinkAsk, Mapping, names_nothing},
    value::Value,
};

impl Mapping {
    /// The value that every document has at a dotted path; none where it depends on the document.
    pub fn constant_at(&self, path: &str) -> Option<&Value> {
        self.fields.iter().find_map(|field| match &field.kind {
            Kind::Constant(it) if *field.path == *path => Some(it),
            _ => None,
        })
    }

    /// Name of the link that fills a dotted path.
    pub fn link_at(&self, path: &str) -> Option<&str> {
        self.link_field(path).map(|(link, _)| link)
    }

    /// What the link at a dotted path comes to for a document. None when no link fills it, or the
    /// document names nothing for it, or what it names cannot be read.
    pub fn linked_at(&self, path: &str, cx: &Apply<'_>) -> Option<LinkAnswer> {
        let (link, field) = self.link_field(path)?;
        let Kind::Link { of, by, .. } = field else {
            return None;
        };
        let id = self.bound(cx).one(of).ok().flatten()?;
        let id = id.to_text();
        let ask = LinkAsk {
            link,
            by: *by,
            value: &id,
            // What a document was sent with is no matter of approval.
            approved: false,
            read: None,
        };
        (!names_nothing(&id)).then(|| cx.links.resolve(&ask))
    }

    fn link_field(&self, path: &str) -> Option<(&str, &Kind)> {
        self.fields.iter().find_map(|field| {
            let Kind::Link { link, wrap, .. } = &field.kind else {
                return None;
            };
            let fills = match wrap {
                Some(name) => path
                    .strip_prefix(&*field.path)
                    .and_then(|it| it.strip_prefix('.'))
                    .is_some_and(|it| *it == **name),
                None => *field.path == *path,
            };
            fills.then_some((&**link, &field.kind))
        })
    }
}
