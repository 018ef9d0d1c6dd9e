//! The words of a message: for a mail its subject and text, for a program the same as JSON.

use serde::Serialize;

use super::matter::{About, Matter};
use crate::{
    http::secrets::Scrubber,
    operate::words::{age, counted_money},
    store::Tally,
};

/// Matters that a message holds; `status` shows the rest.
const MOST: usize = 50;
/// Longest words of one matter, in characters.
const LONGEST: usize = 500;

/// A message, without any secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Message {
    /// One line.
    pub(crate) subject: String,
    /// The whole as plain text.
    pub(crate) text: String,
    /// A trial: nothing needs anybody.
    pub(crate) test: bool,
    /// When it was made, RFC 3339.
    pub(crate) at: String,
    /// What it tells.
    pub(crate) matters: Vec<Matter>,
    /// How many more there are.
    pub(crate) more: usize,
}

impl Message {
    /// Of these matters.
    pub(crate) fn of(matters: &[&Matter], at: jiff::Timestamp, scrubber: &Scrubber) -> Self {
        let shown: Vec<Matter> = matters
            .iter()
            .take(MOST)
            .map(|it| clean(it, scrubber))
            .collect();
        let more = matters.len() - shown.len();
        let subject = subject(matters);
        let mut text = format!("{subject}\n");
        for it in &shown {
            text.push('\n');
            text.push_str(&paragraph(it, at.as_millisecond()));
        }
        if more > 0 {
            text.push_str(&format!("\nAnd {more} more.\n"));
        }
        text.push_str("\nEverything that is stopped: ledgerline status\n");
        Self {
            subject,
            text,
            test: false,
            at: at.to_string(),
            matters: shown,
            more,
        }
    }

    /// One that only shows that messages arrive.
    pub(crate) fn trial(at: jiff::Timestamp) -> Self {
        Self {
            subject: "Ledgerline: a test message".to_owned(),
            text: "Messages arrive. This one was asked for by `ledgerline notify test`; nothing needs \
                   you.\n"
                .to_owned(),
            test: true,
            at: at.to_string(),
            matters: Vec::new(),
            more: 0,
        }
    }
}

/// How many things, and the money that they stop.
fn subject(matters: &[&Matter]) -> String {
    let things = match matters.len() {
        1 => "1 thing needs a person".to_owned(),
        count => format!("{count} things need a person"),
    };
    let mut sum = Tally::default();
    for it in matters {
        if let About::Cause { count, money, .. } = &it.about {
            sum.add_all(*count, money);
        }
    }
    match sum.count {
        0 => format!("Ledgerline: {things}"),
        1 => format!("Ledgerline: {things}, 1 document{}", counted_money(&sum)),
        count => format!(
            "Ledgerline: {things}, {count} documents{}",
            counted_money(&sum)
        ),
    }
}

fn paragraph(matter: &Matter, now: i64) -> String {
    let mut lines = Vec::new();
    match &matter.about {
        About::Cause {
            route,
            state,
            count,
            money,
            oldest,
            example,
            ..
        } => {
            let tally = Tally {
                count: *count,
                money: money.clone(),
            };
            lines.push(format!("{count} {}: {}", state.name(), matter.says));
            lines.push(format!(
                "  {route}{}, oldest {}, such as {example}",
                counted_money(&tally),
                age(now, *oldest)
            ));
        }
        About::Connection { connection } => {
            lines.push(format!("{connection} is parked: {}", matter.says));
        }
        About::File {
            connection, stream, ..
        } => {
            lines.push(format!("{}, for {connection}/{stream}", matter.says));
        }
        About::Run {} => lines.push(matter.says.clone()),
    }
    if let Some(remedy) = &matter.remedy {
        lines.push(format!("  Remedy: {remedy}"));
    }
    lines.push(format!("  Next:   {}", matter.next));
    if let Some(link) = &matter.link {
        lines.push(format!("  {link}"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn clean(matter: &Matter, scrubber: &Scrubber) -> Matter {
    let words = |text: &str| {
        // One line each: what a vendor says may hold anything.
        let text: String = text
            .chars()
            .map(|it| if it.is_control() { ' ' } else { it })
            .take(LONGEST)
            .collect();
        scrubber.scrub(&text).into_owned()
    };
    Matter {
        says: words(&matter.says),
        remedy: matter.remedy.as_deref().map(words),
        next: words(&matter.next),
        ..matter.clone()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use rust_decimal::Decimal;

    use super::*;
    use crate::{
        http::secrets::Secret,
        notify::matter::failed,
        store::{EntryId, State},
    };

    fn cause(count: u64, cents: i64) -> Matter {
        Matter {
            about: About::Cause {
                route: "notes".into(),
                state: State::Waiting,
                cause: "account 270".into(),
                count,
                money: [("AUD".to_owned(), Decimal::new(cents, 2))].into(),
                oldest: 0,
                example: EntryId::new("notes", "7"),
            },
            says: "account 270 is archived".into(),
            remedy: Some("Restore it\nor map another one".into()),
            next: "ledgerline retry --cause 'account 270' --route notes".into(),
            link: Some("https://books.example/list?route=notes".into()),
            ..failed("")
        }
    }

    #[test]
    fn a_message_says_what_is_stopped_and_what_helps() {
        let at = jiff::Timestamp::from_second(3 * 24 * 3600).unwrap();
        let parked = Matter {
            about: About::Connection {
                connection: "books".into(),
            },
            says: "its token canary-token was refused".into(),
            next: "ledgerline check".into(),
            ..failed("")
        };
        let scrubber = Scrubber::default();
        scrubber.learn(&Secret::new("canary-token"));
        let (one, two) = (cause(9, 123_450), cause(1, 100));
        let message = Message::of(&[&parked, &one, &two], at, &scrubber);
        expect![[r#"
            Ledgerline: 3 things need a person, 10 documents, AUD 1,235.50

            books is parked: its token [secret] was refused
              Next:   ledgerline check

            9 waiting: account 270 is archived
              notes, AUD 1,234.50, oldest 3 d, such as notes/7
              Remedy: Restore it or map another one
              Next:   ledgerline retry --cause 'account 270' --route notes
              https://books.example/list?route=notes

            1 waiting: account 270 is archived
              notes, AUD 1.00, oldest 3 d, such as notes/7
              Remedy: Restore it or map another one
              Next:   ledgerline retry --cause 'account 270' --route notes
              https://books.example/list?route=notes

            Everything that is stopped: ledgerline status
        "#]]
        .assert_eq(&message.text);
        let json = serde_json::to_value(&message).unwrap();
        assert_eq!(json["matters"][1]["about"]["money"]["AUD"], "1234.50");
        assert!(!json.to_string().contains("canary"), "{json}");
    }

    #[test]
    fn a_flood_is_cut_short_and_counted() {
        let matters: Vec<Matter> = (0..70).map(|_| cause(2, 100)).collect();
        let all: Vec<&Matter> = matters.iter().collect();
        let message = Message::of(&all, jiff::Timestamp::UNIX_EPOCH, &Scrubber::default());
        assert_eq!((message.matters.len(), message.more), (50, 20));
        assert!(message.text.contains("And 20 more."), "{}", message.text);
        assert!(
            message.subject.ends_with("140 documents, AUD 70.00"),
            "{}",
            message.subject
        );
    }
}
