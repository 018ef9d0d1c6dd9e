//! What a struck caller gets: an answer in place of the vendor's, or the vendor's own, spoilt.

use super::Fault;
use super::rows::{self, LastRows};
use crate::exchange::{Delivery, Reply, Request};
use crate::world::Vendor;

impl Fault {
    /// Whether the vendor sees the call at all.
    pub(crate) fn carries_out(&self) -> bool {
        match self {
            Self::LoseAnswer
            | Self::Slow(_)
            | Self::Truncate
            | Self::CommitThen500
            | Self::Shuffle
            | Self::RepeatRow
            | Self::MoveRow
            | Self::ExpireTokens
            | Self::WithdrawConsent
            | Self::Disconnect => true,
            Self::Reset
            | Self::Status(_)
            | Self::Limit(_)
            | Self::Html
            | Self::Html200
            | Self::ErrorIn200 => false,
        }
    }

    /// The answer to a call that the vendor never sees.
    pub(crate) fn answer_instead(&self, vendor: Vendor) -> Reply {
        match self {
            Self::Reset => Reply { delivery: Delivery::Reset, ..Reply::default() },
            Self::Limit(limit) => limited(vendor, limit),
            Self::Html => Reply::html(
                502,
                "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
                    .to_owned(),
            ),
            Self::Html200 => Reply::html(
                200,
                "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>\n"
                    .to_owned(),
            ),
            Self::ErrorIn200 => {
                let said = Self::Status(500).answer_instead(vendor);
                Reply { status: 200, ..said }
            }
            Self::Status(503) if vendor == Vendor::Xero => {
                Reply::text(503, "The Xero API is temporarily unavailable")
            }
            Self::Status(500) if vendor == Vendor::Xero => {
                crate::xero::answers::server_error(uuid::Uuid::nil())
            }
            Self::Status(code) if vendor == Vendor::Core => {
                let model = crate::core::routes::error_model(*code, phrase(*code));
                Reply::json(*code, model.text())
            }
            Self::Status(code) if vendor == Vendor::Zudello => {
                let body = serde_json::json!({ "detail": phrase(*code) });
                Reply::json(*code, body.to_string())
            }
            Self::Status(code) => {
                Reply::json(*code, serde_json::to_string(&phrase(*code)).unwrap_or_default())
            }
            // Those that are carried out have an answer of the vendor's own.
            _ => Reply::status(500),
        }
    }

    /// What becomes of the answer to a call that was carried out.
    pub(crate) fn spoil(&self, vendor: Vendor, mut reply: Reply) -> Reply {
        match self {
            Self::LoseAnswer => reply.delivery = Delivery::Lost,
            Self::Slow(delay) => reply.delay = *delay,
            Self::Truncate => reply.delivery = Delivery::Truncated(reply.body.len() / 2),
            Self::CommitThen500 => {
                let slot = reply.slot.take();
                reply = Self::Status(500).answer_instead(vendor);
                reply.slot = slot;
            }
            Self::Shuffle => rows::shuffle(&mut reply),
            // The others did what they do before.
            _ => {}
        }
        reply
    }

    /// As [`spoil`](Self::spoil), for what depends on the answers before.
    pub(crate) fn spoil_list(&self, request: &Request, last: &mut LastRows, reply: &mut Reply) {
        if *self == Self::RepeatRow {
            last.repeat(request, reply);
        }
    }
}

fn limited(vendor: Vendor, limit: &str) -> Reply {
    if vendor == Vendor::Xero {
        let (problem, wait) = match limit {
            "minute" => ("minute", Some(20)),
            "second" => ("second", Some(1)),
            "day" => ("day", Some(73_451)),
            "app" => ("appminute", Some(20)),
            other => (other, None),
        };
        crate::xero::limits::refused(problem, wait)
    } else if vendor == Vendor::Core {
        let text = "You reached 60 calls per 60 seconds API limit";
        Reply::json(429, crate::core::routes::error_model(429, text).text())
    } else if vendor == Vendor::Zudello {
        Reply::json(429, "{\"detail\":\"Request was throttled.\"}").header("Retry-After", "20")
    } else {
        Reply::json(429, "\"Rate limit exceeded.\"")
    }
}

fn phrase(code: u16) -> &'static str {
    match code {
        400 => "Bad request.",
        401 => "Unauthorized.",
        403 => "Access is forbidden.",
        404 => "The resource was not found.",
        503 => "The service is down for maintenance.",
        _ => "An error has occurred.",
    }
}
