//! The demonstration's story, played once with the real plugins, and judged by what the vendors hold
//! afterwards: `parts` tells its nine parts, `fields` compares every field of every credit note.

mod fields;
mod parts;

use std::{collections::BTreeMap, sync::OnceLock};

use ledgerline::{
    operate::{Answer, LinkAnswer, LinkTo, Request, SyncReport},
    store::{Entry, Filter},
};
use sandbox::Seed;
use scenarios::{
    Stage,
    books::{ACCOUNT, ORGANISATION},
};
use serde_json::{Value, json};

const CORE: &str = "Harbour Tea";
const TEAM: &str = "Harbour Goods";

/// How everything stands at one moment.
struct Moment {
    report: SyncReport,
    xero: Vec<Value>,
    contacts: Vec<Value>,
    omni: Vec<Value>,
    core: Vec<Value>,
    zudello: Vec<Value>,
    entries: BTreeMap<String, Entry>,
    writing: usize,
    twice: usize,
}

/// The moments of the story.
struct Story {
    /// After the first run.
    first: Moment,
    /// After what people do by `demo.toml`.
    acts: Moment,
    /// The recoded note is corrected at its source as well.
    corrected: Moment,
    /// Run again.
    again: Moment,
    /// The customer with two candidates is linked.
    linked: Moment,
    /// The archived account is restored.
    mended: Moment,
}

fn story() -> &'static Story {
    static STORY: OnceLock<Story> = OnceLock::new();
    STORY.get_or_init(|| {
        // Tests run side by side, each on a runtime of its own; the story is played on one more.
        let played = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .expect("a runtime")
                .block_on(play())
        });
        played.join().expect("the story ends")
    })
}

async fn play() -> Story {
    let stage = Stage::new(Seed::demo().expect("the demo's seed is sound")).await;
    let report = stage.sync().await;
    let first = moment(&stage, report).await;

    let demo = stage.engine.deployment().demo.clone().expect("demo.toml");
    assert!(!demo.acts.is_empty());
    let mut report = SyncReport::default();
    for act in &demo.acts {
        for (path, body) in &act.tell {
            assert_eq!(path, "/_sandbox/edit");
            let edit = serde_json::from_str(body).expect("an edit");
            stage.world.edit(&edit).expect("it is there");
        }
        let filter = Filter {
            ids: act
                .reset
                .iter()
                .map(|it| it.parse().expect("an id"))
                .collect(),
            ..Filter::default()
        };
        stage.bulk(Request::Reset, filter).await;
        report = stage.next().await;
    }
    let acts = moment(&stage, report).await;

    stage.change(335, json!({ "salesReference": "SO-46-B" }));
    let report = stage.next().await;
    let corrected = moment(&stage, report).await;

    let report = stage.next().await;
    let again = moment(&stage, report).await;

    let customer = again.entry("omni-customers/1002");
    let link = Request::Link {
        answers: vec![LinkAnswer {
            id: "omni-customers/1002".parse().expect("an id"),
            to: LinkTo::Target(customer.candidates[0].id.clone()),
        }],
    };
    match stage.ask(link).await {
        Answer::Linked { .. } => {}
        other => panic!("{other:?}"),
    }
    let report = stage.next().await;
    let linked = moment(&stage, report).await;

    stage.change_xero("accounts", "270", json!({ "Status": "ACTIVE" }));
    let filter = Filter {
        cause: Some("account 270".into()),
        ..Filter::default()
    };
    stage.bulk(Request::Retry, filter).await;
    let report = stage.next().await;
    let mended = moment(&stage, report).await;
    Story {
        first,
        acts,
        corrected,
        again,
        linked,
        mended,
    }
}

async fn moment(stage: &Stage, report: SyncReport) -> Moment {
    let mut entries = BTreeMap::new();
    let mut after = None;
    loop {
        let page = stage
            .engine
            .store()
            .page_of(&Filter::default(), after.as_deref(), 500)
            .expect("a sound store");
        entries.extend(page.rows.into_iter().map(|(id, it)| (id.to_string(), it)));
        match page.next {
            Some(it) => after = Some(it),
            None => break,
        }
    }
    let writing = stage.writing_calls();
    stage.world.clear_calls();
    let core = stage.world.core(CORE).credit_notes();
    Moment {
        report,
        xero: stage.xero_notes(),
        contacts: stage.world.xero(ORGANISATION).contacts(),
        omni: stage.world.omni(ACCOUNT).credit_notes(),
        core: core
            .iter()
            .map(|(sale, note)| {
                let read = |it: &sandbox::json::Json| -> Value {
                    serde_json::from_str(&it.to_string()).expect("JSON")
                };
                json!({ "Sale": read(sale), "CreditNote": read(note) })
            })
            .collect(),
        zudello: stage.world.zudello(TEAM).transactions(),
        entries,
        writing,
        twice: stage.world.duplicates().len(),
    }
}

impl Moment {
    fn entry(&self, id: &str) -> &Entry {
        self.entries
            .get(id)
            .unwrap_or_else(|| panic!("no entry {id}"))
    }

    /// The credit notes that Xero holds under a number.
    fn numbered(&self, number: &str) -> Vec<&Value> {
        let all = self.xero.iter();
        all.filter(|it| it["CreditNoteNumber"] == json!(number))
            .collect()
    }

    fn posted(&self, number: &str) -> &Value {
        match self.numbered(number).as_slice() {
            [one] => one,
            other => panic!("{number} is in Xero {} times", other.len()),
        }
    }

    fn contact_of(&self, note: &Value) -> &Value {
        let id = &note["ContactID"];
        let found = self.contacts.iter().find(|it| &it["ContactID"] == id);
        found.unwrap_or_else(|| panic!("no contact {id}"))
    }

    fn omni_note(&self, id: i64) -> &Value {
        let found = self.omni.iter().find(|it| it["id"] == json!(id));
        found.expect("Omni holds it")
    }

    fn core_note(&self, number: &str) -> &Value {
        let found = self
            .core
            .iter()
            .find(|it| it["CreditNote"]["CreditNoteNumber"] == json!(number));
        found.expect("Core holds it")
    }

    fn zudello_note(&self, number: &str) -> &Value {
        let found = self
            .zudello
            .iter()
            .find(|it| it["document_number"] == json!(number));
        found.expect("Zudello holds it")
    }

    /// Entries of credit notes that a customer's or an account's trouble holds back.
    fn held_back_by(&self, words: &str) -> Vec<(&String, &Entry)> {
        let told = |it: &Entry| {
            it.problem
                .as_ref()
                .is_some_and(|it| it.cause.contains(words))
        };
        self.entries
            .iter()
            .filter(|(id, it)| id.contains("credit-notes/") && told(it))
            .collect()
    }
}

/// The tracking options of a line: category=option.
fn tracking(note: &Value, line: usize) -> Vec<String> {
    let elements = note["LineItems"][line]["Tracking"].as_array();
    let text = |it: &Value, field: &str| it[field].as_str().unwrap_or_default().to_owned();
    elements
        .into_iter()
        .flatten()
        .map(|it| format!("{}={}", text(it, "Name"), text(it, "Option")))
        .collect()
}
