//! `link`: which target document an entry stands for. `resolve`: what becomes of a difference between the two.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{
    cli::{
        args::{Common, HowArgs, LinkArgs, ResolveArgs},
        open::{Failure, agreed, request},
        out::{Out, money},
        render,
        sync::{self, unexpected},
    },
    operate::{Answer, LinkAnswer, LinkTo, Question, Request, Resolve, SyncReport, SyncRequest},
    pipeline::Silent,
    store::EntryId,
};

/// One line of the file that goes out and comes back. The last column is for the answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    entry: String,
    who: String,
    waiting: u64,
    money: String,
    candidates: String,
    /// A target id, or `create`; empty leaves the question open.
    link_to: String,
}

pub(super) async fn link(common: &Common, out: &Out, args: LinkArgs) -> Result<u8, Failure> {
    match args {
        LinkArgs {
            id: Some(id),
            to,
            create,
            ..
        } => {
            let to = match (to, create) {
                (Some(it), _) => LinkTo::Target(it),
                (None, true) => LinkTo::Create,
                (None, false) => {
                    return Err(Failure::refused(format!(
                        "say what {id} stands for: --to ID, or --create"
                    )));
                }
            };
            answer(common, out, vec![LinkAnswer { id, to }]).await
        }
        LinkArgs {
            confirm_suggested: true,
            count,
            ..
        } => confirm(common, out, count).await,
        LinkArgs {
            export: Some(file), ..
        } => {
            write(&file, &questions(common).await?)?;
            Ok(0)
        }
        LinkArgs {
            import: Some(file), ..
        } => {
            let answers = read(&file)?;
            if answers.is_empty() {
                out.line("No answer in the file: column link_to is empty everywhere.");
                return Ok(0);
            }
            answer(common, out, answers).await
        }
        _ => {
            let questions = questions(common).await?;
            if out.json {
                out.value(&questions);
            } else if questions.is_empty() {
                out.line("No question is open.");
            } else {
                render::questions(out, &questions);
            }
            Ok(0)
        }
    }
}

/// Shows what one target document answers, asks, and links.
async fn confirm(common: &Common, out: &Out, count_only: bool) -> Result<u8, Failure> {
    let links = match request(common, Request::LinkSuggested, &Silent).await? {
        Answer::Suggested(it) => it,
        other => return Err(unexpected(other)),
    };
    if out.json && (count_only || links.certain.is_empty()) {
        out.value(&links);
        return Ok(0);
    }
    if !out.json {
        render::suggested(out, &links);
    }
    if count_only || links.certain.is_empty() {
        return Ok(0);
    }
    let question = format!("{} will be linked as shown. Go on?", links.certain.len());
    if !agreed(common, &question)? {
        return Ok(0);
    }
    let answers = links.certain.into_iter().map(|(question, it)| LinkAnswer {
        id: question.id,
        to: LinkTo::Target(it.id),
    });
    answer(common, out, answers.collect()).await
}

async fn questions(common: &Common) -> Result<Vec<Question>, Failure> {
    match request(common, Request::LinkQuestions, &Silent).await? {
        Answer::Questions(it) => Ok(it),
        other => Err(unexpected(other)),
    }
}

/// Links, and sends what waited for it.
async fn answer(common: &Common, out: &Out, answers: Vec<LinkAnswer>) -> Result<u8, Failure> {
    match request(common, Request::Link { answers }, &Silent).await? {
        Answer::Linked {
            linked,
            refused,
            woken,
        } => {
            if !out.json {
                out.line(format!("{linked} linked; {woken} waiting documents can go"));
            }
            for (id, why) in &refused {
                super::out::remark(format!("{id}: {why}"));
            }
            if linked == 0 {
                return Ok(3);
            }
            go(common, out).await
        }
        other => Err(unexpected(other)),
    }
}

pub(super) async fn go(common: &Common, out: &Out) -> Result<u8, Failure> {
    let report = sync::run(common, SyncRequest::default()).await?;
    if out.json {
        out.value(&report);
    } else {
        render::sync(out, &report);
    }
    Ok(sync::code(&report))
}

/// What was said, and the run that followed, as one value.
#[derive(Serialize)]
struct ResolvedAndSent<'a> {
    resolved: &'a str,
    sync: Option<&'a SyncReport>,
}

/// Settles a difference, and sends what that makes.
pub(super) async fn resolve(common: &Common, out: &Out, args: ResolveArgs) -> Result<u8, Failure> {
    let ResolveArgs { id, how, reason } = args;
    let how = match how {
        HowArgs {
            credit: Some(amount),
            ..
        } => Resolve::Credit { amount },
        HowArgs {
            additional: Some(amount),
            ..
        } => Resolve::Additional { amount },
        HowArgs { reapply: true, .. } => Resolve::Reapply,
        HowArgs { keep: true, .. } => Resolve::Keep,
        HowArgs { .. } => Resolve::Ask,
    };
    let (what, routes) =
        match request(common, Request::Resolve { id, how, reason }, &Silent).await? {
            Answer::Resolved { what, routes } => (what, routes),
            other => return Err(unexpected(other)),
        };
    if !out.json {
        out.line(&what);
    }
    let report = match routes.is_empty() {
        false => Some(
            sync::run(
                common,
                SyncRequest {
                    routes,
                    ..SyncRequest::default()
                },
            )
            .await?,
        ),
        true => None,
    };
    if out.json {
        out.value(&ResolvedAndSent {
            resolved: &what,
            sync: report.as_ref(),
        });
    } else if let Some(report) = &report {
        render::sync(out, report);
    }
    Ok(report.as_ref().map_or(0, sync::code))
}

fn write(file: &Path, questions: &[Question]) -> Result<(), Failure> {
    let told = |why: csv::Error| Failure::unexpected(format!("{}: {why}", file.display()));
    let sink: Box<dyn std::io::Write> = if file == Path::new("-") {
        Box::new(std::io::stdout())
    } else {
        Box::new(std::fs::File::create(file).map_err(|why| told(why.into()))?)
    };
    let mut writer = csv::Writer::from_writer(sink);
    for it in questions {
        let candidates: Vec<String> = it
            .entry
            .candidates
            .iter()
            .map(|it| format!("{} {} ({})", it.id, it.label, it.why))
            .collect();
        writer
            .serialize(Row {
                entry: it.id.to_string(),
                who: it.entry.facts.party.clone().unwrap_or_default(),
                waiting: it.waiting.count,
                money: money(&it.waiting),
                candidates: candidates.join(" | "),
                link_to: String::new(),
            })
            .map_err(told)?;
    }
    writer.flush().map_err(|why| told(why.into()))
}

/// All mistakes of the file at once.
fn read(file: &Path) -> Result<Vec<LinkAnswer>, Failure> {
    let told = |why: csv::Error| Failure::refused(format!("{}: {why}", file.display()));
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(file)
        .map_err(told)?;
    let (mut answers, mut wrong) = (Vec::new(), Vec::new());
    for (place, row) in reader.deserialize::<Row>().enumerate() {
        let row = match row {
            Ok(it) => it,
            Err(why) => {
                wrong.push(why.to_string());
                continue;
            }
        };
        if row.link_to.is_empty() {
            continue;
        }
        match row.entry.parse::<EntryId>() {
            Ok(id) => answers.push(LinkAnswer {
                id,
                to: match row.link_to.as_str() {
                    "create" => LinkTo::Create,
                    target => LinkTo::Target(target.to_owned()),
                },
            }),
            // The header is line 1.
            Err(why) => wrong.push(format!("line {}: {why}", place + 2)),
        }
    }
    if wrong.is_empty() {
        Ok(answers)
    } else {
        Err(Failure::refused(format!(
            "{}: nothing was linked\n{}",
            file.display(),
            wrong.join("\n")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<LinkAnswer>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("links.csv");
        std::fs::write(&file, text).unwrap();
        read(&file)
    }

    #[test]
    fn answers_are_read_and_open_questions_left() {
        let answers = read_text(
            "entry,who,waiting,money,candidates,link_to\n\
             c/1,A,1,-,,id-1\nc/2,B,1,-,,create\nc/3,C,1,-,,\n",
        )
        .unwrap();
        assert_eq!(answers.len(), 2);
        assert_eq!(answers[0].to, LinkTo::Target("id-1".into()));
        assert_eq!(answers[1].to, LinkTo::Create);
    }

    #[test]
    fn all_mistakes_of_a_file_are_told_at_once() {
        let why = read_text(
            "entry,who,waiting,money,candidates,link_to\n\
             wrong,A,1,-,,id-1\nc/2,B,many,-,,create\n",
        )
        .unwrap_err();
        assert!(
            why.message.contains("line 2") && why.message.contains("line: 3"),
            "{}",
            why.message
        );
    }
}
