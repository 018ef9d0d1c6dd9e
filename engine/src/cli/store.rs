//! `store`: verify, write out, read in.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::Path,
};

use crate::{
    cli::{
        args::{Common, StoreCommand},
        open::{Failure, ground},
        out::Out,
    },
    store::{
        SledStore, Store, StreamId,
        sled_store::{check, export},
    },
};

pub(super) fn store(common: &Common, out: &Out, command: StoreCommand) -> Result<u8, Failure> {
    let ground = ground(common)?;
    let path = &ground.deployment.store;
    let at = ground.clock.now_ms();
    match command {
        StoreCommand::Check { repair } => verify(out, path, repair),
        StoreCommand::ForgetCursor { stream } => {
            let Some((connection, name)) = stream.split_once('/') else {
                return Err(Failure::refused(format!(
                    "`{stream}` is not CONNECTION/STREAM"
                )));
            };
            let id = StreamId {
                connection: connection.to_owned(),
                stream: name.to_owned(),
            };
            let (store, _) = SledStore::open(path, at)?;
            if store.cursor(&id)?.is_none() {
                return Err(Failure::refused(format!(
                    "nothing is remembered of {stream}: connection and stream are written as in a route"
                )));
            }
            store.set_cursor(&id, None)?;
            out.line(format!("{stream} is read from its beginning next time"));
            Ok(0)
        }
        StoreCommand::Export { file, secrets } => {
            let (store, _) = SledStore::open(path, at)?;
            let told =
                |why: std::io::Error| Failure::unexpected(format!("{}: {why}", file.display()));
            let sink: Box<dyn Write> = if file == Path::new("-") {
                Box::new(std::io::stdout())
            } else {
                Box::new(private(&file).map_err(told)?)
            };
            let mut sink = BufWriter::new(sink);
            let count = export::export(&store, &mut sink, secrets).map_err(Failure::unexpected)?;
            sink.flush().map_err(told)?;
            super::out::remark(format!("{count} rows written"));
            Ok(0)
        }
        StoreCommand::Import { file } => {
            let told = |why: std::io::Error| Failure::refused(format!("{}: {why}", file.display()));
            let source = BufReader::new(File::open(&file).map_err(told)?);
            let (store, _) = SledStore::open(path, at)?;
            let count = export::import(&store, source).map_err(Failure::unexpected)?;
            out.line(format!("{count} rows read"));
            Ok(0)
        }
    }
}

/// A new file that only its owner may read: it holds all documents.
fn private(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

fn verify(out: &Out, path: &Path, repair: bool) -> Result<u8, Failure> {
    let (store, faults) = SledStore::inspect(path)?;
    let mut report = check::check(&store)?;
    if repair && !report.is_clean() {
        report = check::repair(&store)?;
    }
    for fault in &faults {
        out.line(fault.to_string());
    }
    for (kind, count) in &report.rows {
        out.line(format!("{count:>9} {kind}"));
    }
    for fault in &report.faults {
        out.line(format!("fault: {fault}"));
    }
    out.line(match report.fault_count {
        0 => "The store is sound.".to_owned(),
        count => format!(
            "{count} faults, of which {} can be mended: ledgerline store check --repair",
            report.repairable
        ),
    });
    Ok(if report.is_clean() && faults.is_empty() {
        0
    } else {
        1
    })
}
