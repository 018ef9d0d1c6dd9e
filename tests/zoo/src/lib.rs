//! Animals that break in Rust's own ways: they panic where the engine calls them, await what nobody
//! ends, or never end themselves. The setting `animal` says which one a connection gets, so that a
//! healthy one and a broken one live in the same library at the same time.
//!
//! `animals.c` beside this crate holds those that break the boundary itself.

use ledgerline_plugin_api::prelude::*;

/// One animal.
pub struct Zoo {
    animal: String,
}

/// What a connection says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    animal: String,
}

/// Pages so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Cursor {
    pages: u32,
}

export_connector!(Zoo);

impl Connector for Zoo {
    type Settings = Settings;
    type Cursor = Cursor;

    const OPS: u32 = op::PULL | op::PUSH;

    fn open(opening: Opening<Settings>) -> Result<Self> {
        let animal = opening.settings.animal;
        assert!(animal != "panics-in-create", "the cage is too small");
        Ok(Self { animal })
    }

    async fn pull(&self, cx: &Cx, _: &str, mut cursor: Cursor) -> Result<()> {
        match self.animal.as_str() {
            "panics-in-step" => panic!("the keeper came"),
            "awaits-others" => std::future::pending().await,
            "never-done" => loop {
                cx.commit(Page::new(), &cursor).await?;
            },
            _ => {}
        }
        let body = serde_json::value::to_raw_value(&serde_json::json!({
            "id": self.animal,
            "date": "2026-10-02",
            "total": 1,
        }))
        .map_err(Error::bug)?;
        let mut page = Page::new();
        page.upsert(self.animal.as_str(), "1", &body);
        cursor.pages += 1;
        cx.commit(page, &cursor).await
    }
}

impl Drop for Zoo {
    fn drop(&mut self) {
        assert!(self.animal != "panics-in-destroy", "it will not leave");
    }
}
