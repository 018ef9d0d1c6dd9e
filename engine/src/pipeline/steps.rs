//! Named moments of a run. A test ends the process at one of them to prove that a plain re-run loses
//! nothing and doubles nothing.
//!
//! They exist in builds with debug assertions alone: in a release build the variable that chooses
//! one means nothing, so that nobody's service ends by a stray setting.

/// All steps, in the order in which a document meets them.
pub const STEPS: [&str; 29] = [
    // An intent of a former life was turned into uncertain entries.
    "cleared-up",
    // Everything in a store that came from a backup is doubted.
    "distrusted",
    // The first live run of a route is confirmed.
    "confirmed",
    // What the target did with documents by itself is shown; how far it was read is not durable.
    "read-back",
    // A token set was granted, and nobody but this process knows it.
    "token-granted",
    // A new token set is durable and not used yet.
    "token-stored",
    // A page is here, nothing of it is durable.
    "page-read",
    // A page with its cursor is durable.
    "page-taken-in",
    // A stream is read to its end.
    "stream-ended",
    // A list of the target is durable, its age is not.
    "list-read",
    // The age of a list is durable, too.
    "list-noted",
    // The target said what it holds, nothing of it is durable.
    "question-answered",
    // The target was asked about uncertain entries.
    "looked-up",
    // Entries were decided about; nothing of it is durable.
    "chunk-prepared",
    // What needs no call is durable.
    "chunk-settled",
    // The target's account was proven.
    "account-proven",
    // Old source documents were read again and are durable as they are now.
    "read-again",
    // Source documents were read again, linked ones compared.
    "batch-compared",
    // What a document repeats of another one was read anew, and what changed of that is durable.
    "followed-read",
    // What a payment is made anew of is durable, it is not under way.
    "payment-weighed",
    // A batch is about to be given to the connector.
    "batch-formed",
    // The intent of a call is durable, the call did not leave.
    "intent-recorded",
    // The call's answer is here, nobody has looked at it.
    "answer-received",
    // The connector gave its results.
    "results-read",
    // The outcome of one call is durable.
    "settled",
    // Outcomes are worked off to their end.
    "outcomes-ended",
    // Everything of a run is durable, its report was not given yet.
    "run-ended",
    // A document about which a person said something was read anew, nothing is durable.
    "word-weighed",
    // A person's word is durable, nothing was done by it.
    "word-kept",
];

/// All steps of connecting an account and of taking it back, in order.
pub const CONNECT_STEPS: [&str; 8] = [
    // The question for a consent is durable, nobody was asked yet.
    "consent-asked",
    // The code of a consent is durable and not exchanged yet.
    "code-received",
    // The tokens of the code are durable, the question is not forgotten yet.
    "code-exchanged",
    // The chosen account was proven, nothing of it is durable.
    "account-chosen",
    // The connection is pinned.
    "account-pinned",
    // The vendor took its hold on the account away.
    "account-given-back",
    // The tokens are revoked and forgotten.
    "consent-given-back",
    // The connection is not pinned any more.
    "account-unpinned",
];

/// Marks that `step` was reached at `place`: a route, a stream, a connection.
#[cfg(debug_assertions)]
pub(crate) fn reached(step: &str, place: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static SEEN: AtomicU32 = AtomicU32::new(0);
    debug_assert!(
        STEPS.contains(&step) || CONNECT_STEPS.contains(&step),
        "{step} is not in the list"
    );
    let Some(wanted) = wanted() else { return };
    let here = wanted.step == step && wanted.place.as_deref().is_none_or(|it| it == place);
    if here && SEEN.fetch_add(1, Ordering::SeqCst) + 1 == wanted.times {
        // As SIGKILL would: no destructors, no flush.
        std::process::abort();
    }
}

/// Nothing: this build knows no such moments.
#[cfg(not(debug_assertions))]
pub(crate) fn reached(_: &str, _: &str) {}

/// The moment at which this process is to end.
#[cfg(debug_assertions)]
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    step: String,
    place: Option<String>,
    times: u32,
}

#[cfg(debug_assertions)]
impl Wanted {
    /// Reads `STEP`, `STEP:N` for the N-th time, `STEP:N@PLACE` for one route or stream.
    fn parse(text: &str) -> Self {
        let (rest, place) = match text.split_once('@') {
            Some((rest, place)) => (rest, Some(place.to_owned())),
            None => (text, None),
        };
        let (step, times) = rest.split_once(':').unwrap_or((rest, "1"));
        Self {
            step: step.to_owned(),
            place,
            times: times.parse().unwrap_or(1),
        }
    }
}

#[cfg(debug_assertions)]
fn wanted() -> Option<&'static Wanted> {
    static WANTED: std::sync::OnceLock<Option<Wanted>> = std::sync::OnceLock::new();
    WANTED
        .get_or_init(|| {
            std::env::var("LEDGERLINE_DIE_AT")
                .ok()
                .map(|it| Wanted::parse(&it))
        })
        .as_ref()
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_step_a_count_and_a_place() {
        let cases = [
            ("settled", ("settled", None, 1)),
            ("settled:3", ("settled", None, 3)),
            ("settled:2@notes", ("settled", Some("notes"), 2)),
            ("settled@acme/notes", ("settled", Some("acme/notes"), 1)),
        ];
        for (text, (step, place, times)) in cases {
            let wanted = Wanted {
                step: step.into(),
                place: place.map(Into::into),
                times,
            };
            assert_eq!(Wanted::parse(text), wanted, "{text}");
        }
    }
}
