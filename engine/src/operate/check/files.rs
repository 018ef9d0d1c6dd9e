//! The folders into which exported files are dropped.

use crate::{
    files::{content, find, read},
    operate::CheckRow,
    pipeline::{Connected, Engine},
    store::{StoreError, StreamId, offload},
};

/// A row for each stream of a connection that is read from files: whether its folder can be read, and
/// whether its files are what the stream expects.
pub(super) async fn rows(engine: &Engine, system: &Connected) -> Result<Vec<CheckRow>, StoreError> {
    let mut rows = Vec::new();
    let read_by_a_route = |stream: &String| {
        let id = StreamId {
            connection: system.connection.name.clone(),
            stream: stream.clone(),
        };
        !engine.routes_reading(&id).is_empty()
    };
    for stream in system
        .connection
        .files
        .keys()
        .filter(|it| read_by_a_route(it))
    {
        let Some((files, place)) = system.files(stream) else {
            continue;
        };
        let (files, place) = (files.clone(), place.clone());
        let what = format!("files of {stream}");
        let row = offload::run(engine.store(), move |_| {
            let (found, unread) = find(&place.path);
            let mut wrong: Vec<String> = unread
                .into_iter()
                .map(|it| format!("{}: {}", it.name, it.why))
                .collect();
            let (mut count, mut documents) = (0, 0);
            for file in found {
                count += 1;
                let name = file.name.clone();
                match content(&file) {
                    Ok(it) => {
                        let read = read(&it.bytes, &files, &place.form);
                        documents += read.documents.len();
                        wrong.extend(
                            read.problems
                                .first()
                                .map(|row| format!("{name} line {}: {}", row.line, row.says)),
                        );
                    }
                    Err(it) => wrong.push(format!("{}: {}", it.name, it.why)),
                }
            }
            Ok::<_, StoreError>(match wrong.is_empty() {
                true => CheckRow::ok(what, format!("{count} files, {documents} documents")),
                false => CheckRow::wrong(
                    what,
                    wrong.join("; "),
                    "make the folder; correct the file and put it there again, or say in the connection's files how it is \
                     written"
                        .to_owned(),
                ),
            })
        })
        .await?;
        rows.push(row);
    }
    Ok(rows)
}
