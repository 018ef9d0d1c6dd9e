//! Reads orders from {{title}}, and writes invoices there.
//!
//! The API in this file is invented. Make it yours call by call: change a recording in
//! `tests/recordings`, see the test fail, change the code.
//!
//! The list endpoint answers in order of `updated_at`, oldest first, and pages by an opaque token.
//! The cursor holds the walk in progress, so an interrupted pull goes on at the page it stopped on.
//!
//! Two quirks shape this file:
//!
//! * Deletions arrive as ordinary items with `status: "DELETED"`.
//! * `updated_since` is inclusive, so every pull meets the last second again. The engine drops what
//!   it already holds by id and version.

use std::borrow::Cow;

use ledgerline_plugin_api::{prelude::*, sdk::percent_encode};

/// One connection to {{title}}.
pub struct Api {
    base_url: String,
    settings: Settings,
}

/// What `settings.schema.json` describes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    #[serde(default = "default_page_size")]
    page_size: u32,
}

fn default_page_size() -> u32 {
    50
}

/// Where the next pull starts. The engine stores it, so old values must stay readable: give new
/// fields `#[serde(default)]`, and keep a sample of each old form in `tests/cursors`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything updated before this is stored.
    since: Option<String>,
    /// Token of the next page while a walk is under way.
    next_page: Option<String>,
    /// Newest `updated_at` this walk has met. Becomes `since` when the walk ends.
    newest: Option<String>,
}

impl Cursor {
    fn advance(&mut self, newest: Option<String>, next_page: Option<String>) {
        self.newest = newest.or_else(|| self.newest.take());
        self.next_page = next_page;
        if self.next_page.is_none() {
            self.since = self.newest.take().or_else(|| self.since.take());
        }
    }
}

export_connector!(Api);

impl Connector for Api {
    type Settings = Settings;
    type Cursor = Cursor;

    const OPS: u32 = op::PULL | op::PUSH | op::FIND | op::CHECK;

    fn open(opening: Opening<Settings>) -> Result<Self> {
        Ok(Self {
            base_url: opening.base_url,
            settings: opening.settings,
        })
    }

    async fn pull(&self, cx: &Cx, stream: &str, mut cursor: Cursor) -> Result<()> {
        loop {
            let request = self.list_request(stream, &cursor);
            let response = cx.http(request).await?.success()?;
            let (page, newest, next_page) = read_list(&response)?;
            cursor.advance(newest, next_page);
            // Returns once the page and the cursor are on disk. A crash before this line repeats the
            // page; a crash after it does not.
            cx.commit(page, &cursor).await?;
            if cursor.next_page.is_none() {
                return Ok(());
            }
        }
    }

    async fn push(&self, cx: &Cx, stream: &str) -> Result<()> {
        while let Some(batch) = cx.next_batch().await {
            let mut outcomes = Vec::new();
            for (index, doc) in (0u32..).zip(&batch) {
                let outcome = match self.write_request(stream, doc, index) {
                    Ok(request) => match cx.http(request).await {
                        Ok(response) => read_written(&response),
                        Err(error) => Outcome::failed(&error),
                    },
                    Err(error) => Outcome::failed(&error),
                };
                outcomes.push(outcome);
            }
            cx.report(outcomes).await?;
        }
        Ok(())
    }

    async fn find(&self, cx: &Cx, stream: &str) -> Result<()> {
        while let Some(batch) = cx.next_batch().await {
            let mut outcomes = Vec::new();
            for doc in &batch {
                let number = percent_encode(&doc.number);
                let url = format!("{}/{stream}/by-number/{number}", self.base_url);
                outcomes.push(match cx.http(Request::get(url).auth("api")).await {
                    Ok(response) => read_found(&response),
                    Err(error) => Outcome::failed(&error),
                });
            }
            cx.report(outcomes).await?;
        }
        Ok(())
    }

    async fn check(&self, cx: &Cx) -> Result<CheckReport> {
        #[derive(Deserialize)]
        struct Me {
            company_id: String,
            company: String,
            currency: String,
        }
        let request = Request::get(format!("{}/me", self.base_url)).auth("api");
        let me: Me = cx.http(request).await?.success()?.json()?;
        let account = Account {
            id: me.company_id,
            name: me.company,
            base_currency: Some(me.currency),
            ..Account::default()
        };
        Ok(CheckReport {
            account,
            ..CheckReport::default()
        })
    }
}

impl Api {
    fn list_request(&self, stream: &str, cursor: &Cursor) -> Request {
        let size = self.settings.page_size.to_string();
        let mut query = vec![("size", size.as_str())];
        if let Some(since) = &cursor.since {
            query.push(("updated_since", since));
        }
        if let Some(token) = &cursor.next_page {
            query.push(("page", token));
        }
        Request::get(format!("{}/{stream}", self.base_url))
            .query(query)
            .auth("api")
    }

    /// `covers` names what the call writes: the engine makes that intent durable before the call
    /// leaves, and after a lost answer it asks `find` before it sends anything again.
    fn write_request(&self, stream: &str, doc: &BatchDoc, index: u32) -> Result<Request> {
        let url = format!("{}/{stream}", self.base_url);
        let request = match (doc.change, &doc.remote_id) {
            (Change::Create, _) => Request::post(url),
            (Change::Update, Some(id)) => Request::put(format!("{url}/{}", percent_encode(id))),
            (change, id) => {
                return Err(Error::unsupported(format!(
                    "{change:?} of a document with id {id:?}"
                )));
            }
        };
        Ok(request.json(&doc.body).auth("api").covers([index]))
    }
}

fn read_list(response: &Response) -> Result<(Page<'_>, Option<String>, Option<String>)> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
        next: Option<String>,
    }
    // Only what the engine asks for is read. The document itself stays the text that came, so no
    // decimal is rounded and no unknown field is lost.
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
        #[serde(borrow)]
        updated_at: Cow<'a, str>,
        #[serde(borrow)]
        status: Cow<'a, str>,
    }
    let list: List<'_> = response.json()?;
    let mut page = Page::new();
    let mut newest = None;
    for raw in list.items {
        let item: Item<'_> = serde_json::from_str(raw.get()).map_err(Error::protocol)?;
        newest = Some(item.updated_at.clone().into_owned());
        match &*item.status {
            "DELETED" => page.delete(item.id),
            _ => page.upsert(item.id, item.updated_at, raw),
        }
    }
    Ok((page, newest, list.next))
}

#[derive(Deserialize)]
struct Written<'a> {
    id: String,
    /// The invoice as the API has it now: the engine compares it with what was sent.
    #[serde(borrow)]
    document: &'a RawValue,
}

fn read_written(response: &Response) -> Outcome {
    match response.status {
        200 | 201 => match response.json::<Written<'_>>() {
            Ok(written) => Outcome::written(written.id, written.document.to_owned()),
            // It may or may not be written: the engine finds out.
            Err(error) => Outcome::unknown(error.message),
        },
        422 => Outcome::refused(refusal(response), response.text()),
        _ => Outcome::failed(&Error::from_response(response)),
    }
}

fn read_found(response: &Response) -> Outcome {
    match response.status {
        200 => match response.json::<Written<'_>>() {
            Ok(found) => Outcome::found(found.id, found.document.to_owned()),
            Err(error) => Outcome::failed(&error),
        },
        // Lets the engine send again, so it must rest on a complete answer.
        404 => Outcome::not_found(),
        _ => Outcome::failed(&Error::from_response(response)),
    }
}

fn refusal(response: &Response) -> Problem {
    let (category, remedy) = if response.text().contains("number is taken") {
        (
            Category::Duplicate,
            "Compare both invoices, then adopt the one that is there or renumber.",
        )
    } else {
        (
            Category::Unknown,
            "Read what was answered, correct the document, then retry.",
        )
    };
    Problem {
        category,
        field: None,
        cause: format!("the invoice was refused: {}", response.excerpt()),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_ends_the_walk() {
        let mut cursor = Cursor {
            since: Some("a".into()),
            ..Cursor::default()
        };
        cursor.advance(Some("b".into()), Some("token".into()));
        assert_eq!(cursor.since.as_deref(), Some("a"));
        cursor.advance(None, None);
        let ended = Cursor {
            since: Some("b".into()),
            ..Cursor::default()
        };
        assert_eq!(cursor, ended);
    }
}
