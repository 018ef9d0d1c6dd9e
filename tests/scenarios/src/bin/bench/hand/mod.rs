//! The measure of the engine's cost: the same way of the same documents as a loop written by hand.
//!
//! It reads the same pages from Omni, sends the same batches of 50 to Xero with the same headers,
//! writes the same marks back, and puts as many rows of the same sizes into sled, flushed at the same
//! points; `serde_json` reads into structs and writes out of them. It has no plugins, no mapping
//! language, no states, no second thoughts: what the engine costs beyond it is the price of those.

mod disk;
mod note;
mod vendors;

use std::{
    collections::{HashMap, VecDeque},
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{sync::mpsc, task::JoinSet};

use self::{
    disk::Disk,
    note::{CreditNote, Note},
    vendors::{Answered, Vendors},
};
use crate::shape::Shape;

/// Documents of one call.
const BATCH: usize = 50;
/// Calls under way at once.
const IN_FLIGHT: usize = 5;
/// Rows of a page of Omni, and elements of a write-back.
const PAGE: usize = 250;
/// Records read back in one call.
const READ_BACK: usize = 100;

/// What the loop is started with.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Address of the stand-in vendors.
    #[arg(long)]
    url: String,
    /// Folder of its store.
    #[arg(long)]
    store: PathBuf,
    /// The rows to write, as JSON.
    #[arg(long)]
    shape: String,
}

/// What it did, as it prints it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) documents: u64,
}

/// A document on its way.
struct Taken {
    id: i64,
    body: Box<RawValue>,
}

/// Runs the loop.
pub(crate) fn run(arguments: &Arguments) -> io::Result<Done> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work(arguments))
}

async fn work(arguments: &Arguments) -> io::Result<Done> {
    let shape: Shape = serde_json::from_str(&arguments.shape).map_err(io::Error::other)?;
    let disk = Arc::new(Disk::open(&arguments.store, shape)?);
    let vendors = Vendors::new(&arguments.url).await?;
    let contacts = Arc::new(vendors.contacts().await?);
    let sydney = TimeZone::get("Australia/Sydney").map_err(io::Error::other)?;
    let (pages, mut taken) = mpsc::channel(2);
    let reader = tokio::spawn(read_pages(vendors.clone(), disk.clone(), pages));
    let mut waiting: VecDeque<Taken> = VecDeque::new();
    let mut arrived: Vec<i64> = Vec::new();
    let mut calls = JoinSet::new();
    let sent = AtomicU64::new(0);
    let mut more = true;
    while more || !calls.is_empty() || !waiting.is_empty() {
        while calls.len() < IN_FLIGHT && (waiting.len() >= BATCH || !more && !waiting.is_empty()) {
            let batch: Vec<Taken> = waiting.drain(..BATCH.min(waiting.len())).collect();
            let number = sent.fetch_add(1, Ordering::Relaxed);
            calls.spawn(send(
                vendors.clone(),
                disk.clone(),
                contacts.clone(),
                sydney.clone(),
                batch,
                number,
            ));
        }
        tokio::select! {
            page = taken.recv(), if more && waiting.len() < 2 * PAGE => match page {
                Some(page) => waiting.extend::<Vec<Taken>>(page),
                None => more = false,
            },
            Some(done) = calls.join_next(), if !calls.is_empty() => {
                arrived.extend(done.map_err(io::Error::other)??);
            }
        }
    }
    reader.await.map_err(io::Error::other)??;
    let documents = arrived.len() as u64;
    let mut marks = JoinSet::new();
    for ids in arrived.chunks(PAGE) {
        if marks.len() >= IN_FLIGHT
            && let Some(done) = marks.join_next().await
        {
            done.map_err(io::Error::other)??;
        }
        marks.spawn(mark(vendors.clone(), disk.clone(), ids.to_vec()));
    }
    while let Some(done) = marks.join_next().await {
        done.map_err(io::Error::other)??;
    }
    Ok(Done { documents })
}

/// Reads the list of credit notes page by page, each durable before it is handed on.
async fn read_pages(
    vendors: Vendors,
    disk: Arc<Disk>,
    pages: mpsc::Sender<Vec<Taken>>,
) -> io::Result<()> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        #[serde(rename = "modifiedDate")]
        modified: Timestamp,
    }
    let written = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let upper = written(Timestamp::now() - SignedDuration::from_secs(30));
    let mut from = Timestamp::UNIX_EPOCH;
    let mut page = 1_u32;
    let mut met: std::collections::HashSet<i64> = std::collections::HashSet::new();
    loop {
        let condition = format!(
            "modifiedDate>='{}' AND modifiedDate<'{upper}'",
            written(from)
        );
        let number = page.to_string();
        let query = [
            ("where", condition.as_str()),
            ("order", "modifiedDate ASC, id ASC"),
            ("rows", "250"),
            ("page", &number),
        ];
        let body = vendors.omni("CreditNotes", &query).await?;
        let rows: Vec<&RawValue> = vendors::read(&body)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        let last: Row = vendors::read(last.get().as_bytes())?;
        let full = rows.len() >= PAGE;
        let mut taken = Vec::with_capacity(rows.len());
        for raw in rows {
            let row: Row = vendors::read(raw.get().as_bytes())?;
            // The last second of a page is read again with the next.
            if met.insert(row.id) {
                taken.push(Taken {
                    id: row.id,
                    body: raw.to_owned(),
                });
            }
        }
        let second = Timestamp::from_second(last.modified.as_second()).map_err(io::Error::other)?;
        if full && second > from {
            from = second;
            page = 1;
        } else {
            page += 1;
        }
        let disk = disk.clone();
        let taken = blocking(move || {
            let documents: Vec<(i64, &[u8])> = taken
                .iter()
                .map(|it| (it.id, it.body.get().as_bytes()))
                .collect();
            disk.take_in(&documents)?;
            Ok(taken)
        })
        .await?;
        if pages.send(taken).await.is_err() {
            return Ok(());
        }
    }
}

/// Sends one batch; gives the ids of what arrived.
async fn send(
    vendors: Vendors,
    disk: Arc<Disk>,
    contacts: Arc<HashMap<i64, String>>,
    zone: TimeZone,
    batch: Vec<Taken>,
    number: u64,
) -> io::Result<Vec<i64>> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body<'a> {
        credit_notes: &'a [CreditNote<'a>],
    }
    let ids: Vec<i64> = batch.iter().map(|it| it.id).collect();
    let (body, numbers) = {
        let notes: Vec<Note<'_>> = batch
            .iter()
            .map(|it| vendors::read(it.body.get().as_bytes()))
            .collect::<io::Result<_>>()?;
        let mapped: Option<Vec<CreditNote<'_>>> =
            notes.iter().map(|it| it.mapped(&contacts, &zone)).collect();
        let mapped = mapped.ok_or_else(|| io::Error::other("a note cannot be mapped"))?;
        let body = Body {
            credit_notes: &mapped,
        };
        let numbers: Vec<String> = mapped
            .iter()
            .map(|it| it.credit_note_number.clone())
            .collect();
        (
            serde_json::to_vec(&body).map_err(io::Error::other)?,
            numbers,
        )
    };
    let (store, covered) = (disk.clone(), ids.clone());
    let call = blocking(move || store.announce(&covered)).await?;
    let answer = vendors
        .create(&format!("{number:064x}"), body.clone())
        .await?;
    blocking(move || {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer<'a> {
            #[serde(borrow)]
            credit_notes: Vec<Answered<'a>>,
        }
        let read: Answer<'_> = vendors::read(&answer)?;
        for (note, number) in read.credit_notes.iter().zip(&numbers) {
            if note.has_errors || note.credit_note_number != number.as_str() || note.id.is_empty() {
                return Err(io::Error::other(format!(
                    "{number} did not arrive: {}",
                    note.total
                )));
            }
        }
        if read.credit_notes.len() != ids.len() {
            return Err(io::Error::other("an answer without all its documents"));
        }
        let kept = [body.as_slice(), answer.as_slice()].concat();
        disk.settle(|it| &it.sent, call, &ids, &kept)?;
        Ok(ids)
    })
    .await
}

/// Marks credit notes as imported, and reads back what Omni shows.
async fn mark(vendors: Vendors, disk: Arc<Disk>, ids: Vec<i64>) -> io::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Element<'a> {
        accounting_attributes: Attributes<'a>,
        id: i64,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Attributes<'a> {
        accounting_import_status: &'a str,
        import_date: &'a str,
    }
    #[derive(Deserialize)]
    struct Said {
        success: bool,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Held {
        accounting_attributes: HashMap<String, Option<String>>,
    }
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let elements: Vec<Element<'_>> = ids
        .iter()
        .map(|id| Element {
            accounting_attributes: Attributes {
                accounting_import_status: "Imported",
                import_date: &now,
            },
            id: *id,
        })
        .collect();
    let body = serde_json::to_vec(&elements).map_err(io::Error::other)?;
    let (store, covered) = (disk.clone(), ids.clone());
    let call = blocking(move || store.announce(&covered)).await?;
    let answer = vendors.write_omni(body.clone()).await?;
    let said: Vec<Said> = vendors::owned(&answer)?;
    let mut shown = 0;
    for ids in ids.chunks(READ_BACK) {
        let list: Vec<String> = ids.iter().map(i64::to_string).collect();
        let condition = format!("id IN ({})", list.join(","));
        let query = [
            ("where", condition.as_str()),
            ("order", "id ASC"),
            ("rows", "250"),
            ("page", "1"),
            ("fields", "id,accountingAttributes,modifiedDate"),
        ];
        let held: Vec<Held> = vendors::owned(&vendors.omni("CreditNotes", &query).await?)?;
        shown += held
            .iter()
            .filter(|it| {
                let status = it.accounting_attributes.get("accountingImportStatus");
                status.cloned().flatten().as_deref() == Some("Imported")
            })
            .count();
    }
    if shown != ids.len() || said.iter().any(|it| !it.success) {
        return Err(io::Error::other("a mark did not stick"));
    }
    blocking(move || {
        let kept = [body.as_slice(), answer.as_slice()].concat();
        disk.settle(|it| &it.marked, call, &ids, &kept)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
