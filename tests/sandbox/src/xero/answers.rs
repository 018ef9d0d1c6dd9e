//! The shapes of Xero's answers and errors.

use uuid::Uuid;

use super::dates::envelope_ms;
use super::texts;
use crate::exchange::Reply;
use crate::json::{Json, Object};
use crate::world::Cx;

/// Where a list stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    pub(crate) page: usize,
    pub(crate) size: usize,
    pub(crate) items: usize,
}

/// An answer that carries objects of one kind.
pub(crate) fn envelope(
    cx: &mut Cx<'_>,
    provider: &str,
    name: &'static str,
    items: Vec<Json>,
    paging: Option<Paging>,
) -> Json {
    let mut object = Object::new()
        .with("Id", cx.chance.guid().to_string())
        .with("Status", "OK")
        .with("ProviderName", provider)
        .with("DateTimeUTC", envelope_ms(cx.now));
    if let Some(paging) = paging {
        let count = |value: usize| Json::int(i64::try_from(value).unwrap_or(i64::MAX));
        object.set(
            "pagination",
            Object::new()
                .with("page", count(paging.page))
                .with("pageSize", count(paging.size))
                .with("pageCount", count(paging.items.div_ceil(paging.size)))
                .with("itemCount", count(paging.items)),
        );
    }
    object.set(name, items);
    object.into()
}

/// A list of messages as `ValidationErrors` and `Warnings` carry them.
pub(crate) fn messages(texts: &[String]) -> Json {
    Json::Arr(
        texts
            .iter()
            .map(|text| Object::new().with("Message", text.as_str()).into())
            .collect(),
    )
}

/// Why a whole request was refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Business rules; the elements carry the messages.
    Validation(Vec<Json>),
    /// The body cannot be bound.
    PostData(String),
    /// `where` or `order` cannot be read.
    Query(String),
    /// The envelope is missing or empty.
    NoData(&'static str),
    /// Nothing of that id, or no such path.
    NotFound,
    /// The method does not exist here.
    NotImplemented,
    /// Xero fell over.
    Server,
    /// A body of another media type.
    MediaType,
    /// Too many rows for an unoptimised query, or another plain 400.
    Plain(String),
}

impl Refusal {
    pub(crate) fn reply(self, cx: &mut Cx<'_>) -> Reply {
        match self {
            Self::Validation(elements) => {
                numbered(10, "ValidationException", texts::VALIDATION, Some(elements))
            }
            Self::PostData(message) => numbered(14, "PostDataInvalidException", &message, None),
            Self::Query(message) => numbered(16, "QueryParseException", &message, None),
            Self::NoData(expected) => numbered(
                17,
                "NoDataProcessedException",
                &texts::no_data(expected),
                None,
            ),
            Self::NotFound => Reply::text(404, texts::NOT_FOUND),
            Self::NotImplemented => Reply::text(501, "The method is not implemented"),
            Self::MediaType => Reply::text(415, "The media type is not supported"),
            Self::Plain(message) => numbered(400, "BadRequestException", &message, None),
            Self::Server => server_error(cx.chance.guid()),
        }
    }
}

fn numbered(number: i64, kind: &str, message: &str, elements: Option<Vec<Json>>) -> Reply {
    let mut object = Object::new()
        .with("ErrorNumber", number)
        .with("Type", kind)
        .with("Message", message);
    if let Some(elements) = elements {
        object.set("Elements", elements);
    }
    Reply::json(400, Json::Obj(object).to_string())
}

/// The answer of a server that fell over.
pub(crate) fn server_error(instance: Uuid) -> Reply {
    let body = Object::new()
        .with("Title", "An error occurred")
        .with(
            "Detail",
            "An error occurred in Xero. Check the API Status page http://status.developer.xero.com for current service status.",
        )
        .with("Status", 500)
        .with("Instance", instance.to_string());
    Reply::json(500, Json::Obj(body).to_string())
}

/// A refusal at the gate.
pub(crate) fn problem(cx: &mut Cx<'_>, status: u16, title: &str, detail: &str) -> Reply {
    let body = Object::new()
        .with("Type", Json::Null)
        .with("Title", title)
        .with("Status", i64::from(status))
        .with("Detail", detail)
        .with("Instance", cx.chance.guid().to_string())
        .with("Extensions", Object::new());
    Reply::json(status, Json::Obj(body).to_string())
}

/// A body that is too big.
pub(crate) fn too_large(cx: &mut Cx<'_>) -> Reply {
    let body = Object::new()
        .with("Title", "RequestEntityTooLarge")
        .with("Status", 413)
        .with("Detail", "PayloadTooLarge")
        .with("Instance", cx.chance.guid().to_string());
    Reply::json(413, Json::Obj(body).to_string())
}
