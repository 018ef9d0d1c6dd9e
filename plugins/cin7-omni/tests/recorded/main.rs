//! The connector, replayed through the same boundary that the engine uses.

mod checks;
mod payments;
mod pulls;
mod statuses;
mod tape;

use ledgerline_cin7_omni::ledgerline_connector;
use ledgerline_plugin_api::testkit::{Case, Run, conformance};
use serde_json::json;

use checks::checks_of_all;
use payments::{lost_payments, numbered, payment, payments, taken_back};
use pulls::{SWEPT_LONG_AGO, branches, sweep, walk};
use statuses::{finds, given, shown, wanted};
use tape::{Tape, saved, sought};

#[test]
fn it_conforms() {
    let stream = || "credit_notes".to_owned();
    let written = Tape::default()
        .put(
            json!([wanted(1), wanted(2)]),
            200,
            saved(&[(0, Ok(1)), (1, Ok(2))]),
        )
        .read_back("1,2", json!([shown(1, "Imported"), shown(2, "Imported")]));
    let cases = [
        Case::new(
            "pull",
            walk().replay(json!({})),
            Run::Pull {
                stream: stream(),
                cursor: Vec::new(),
            },
        ),
        Case::new(
            "push",
            written.replay(json!({})),
            Run::Push {
                stream: stream(),
                batches: vec![vec![given(1), given(2)]],
            },
        ),
        Case::new(
            "find",
            finds().replay(json!({})),
            Run::Find {
                stream: stream(),
                batches: vec![vec![sought(4), sought(6), sought(8)]],
            },
        ),
        Case::new("check", checks_of_all(&[]).replay(json!({})), Run::Check),
        Case::new(
            "pull with a sweep",
            sweep(&[]).replay(json!({})),
            Run::Pull {
                stream: "payments".to_owned(),
                cursor: SWEPT_LONG_AGO.as_bytes().to_vec(),
            },
        )
        .old_cursor(SWEPT_LONG_AGO),
        Case::new(
            "pull of a list without dates",
            branches().replay(json!({})),
            Run::Pull {
                stream: "branches".to_owned(),
                cursor: Vec::new(),
            },
        ),
        Case::new(
            "payments",
            payments().replay(json!({})),
            Run::Push {
                stream: "payments".to_owned(),
                batches: vec![vec![payment("a", 7), payment("b", 8), taken_back(9)]],
            },
        ),
        Case::new(
            "lost payments",
            lost_payments().replay(json!({})),
            Run::Find {
                stream: "payments".to_owned(),
                batches: vec![vec![payment("a", 7), payment("b", 8), numbered("c")]],
            },
        ),
    ];
    conformance(&ledgerline_connector, &cases).assert_ok();
}
