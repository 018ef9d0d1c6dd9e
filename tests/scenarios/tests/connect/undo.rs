//! Taking a connection back, at the vendor and here.

use scenarios::processes::{Plan, set};

use crate::ground::{Ground, HARBOUR, TASMAN, allow};

const APP: &str = "DEMOWEBAPP00000000000000000000000";

fn connect(ground: &Ground, connection: &str, account: &str) {
    let args = [
        "connect",
        connection,
        "--no-browser",
        "--paste",
        "--account",
        account,
    ];
    let mut connect = ground.start(&args, None);
    let back = allow(&connect.address(), &[HARBOUR, TASMAN]);
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn everything_is_given_back() {
    let ground = Ground::new();
    connect(&ground, "xero-au", HARBOUR);
    assert_eq!(ground.held_by(APP), [HARBOUR, TASMAN]);
    let ended = ground.connect(&["--undo"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for told in [
        "was removed at the vendor",
        "the consent was revoked",
        "`account` was taken out of",
    ] {
        assert!(ended.stdout.contains(told), "{told}: {ended:#?}");
    }
    assert_eq!(ground.calls("DELETE", "/connections/", 204), 1);
    assert_eq!(ground.calls("POST", "/connect/revocation", 200), 1);
    assert_eq!(ground.held_by(APP), Vec::<String>::new());
    assert_eq!(ground.pin(), None);

    // Nothing can be sent any more, and undoing nothing is no error.
    let sync = ground.run(&["sync", "--confirm"]);
    assert!(
        sync.stdout.contains("ledgerline connect xero-au")
            || sync.stdout.contains("connect xero-au"),
        "{sync:#?}"
    );
    assert!(ground.programs.books().xero.is_empty());
    let again = ground.connect(&["--undo"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert!(again.stdout.contains("there were no tokens"), "{again:#?}");
}

#[test]
fn a_consent_that_others_use_stays() {
    let ground = Ground::with(|plan: &mut Plan| {
        let mut other = plan.deployment["connections"]["xero-au"].clone();
        other.as_table_mut().expect("a table").remove("demo-only");
        set(&mut plan.deployment, "connections/xero-nz", other);
    });
    connect(&ground, "xero-au", HARBOUR);
    let second = ground.run(&["connect", "xero-nz", "--account", TASMAN]);
    assert_eq!(second.code, Some(0), "{second:#?}");
    let ended = ground.connect(&["--undo"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(
        ended
            .stdout
            .contains("connection `xero-nz` uses the same app"),
        "{ended:#?}"
    );
    assert_eq!(ground.held_by(APP), [TASMAN]);
    assert_eq!(ground.calls("POST", "/connect/revocation", 200), 0);
    assert_eq!(ground.pin(), None);
    let second = ground.run(&["connect", "xero-nz"]);
    assert_eq!(second.code, Some(0), "{second:#?}");
}

#[test]
fn a_consent_that_ended_at_the_vendor() {
    let ground = Ground::new();
    connect(&ground, "xero-au", HARBOUR);
    // Sixty days and more: the refresh token has run out.
    let later = serde_json::json!({ "advance-seconds": 61 * 86_400 });
    ground.programs.tell("/_sandbox/clock", &later);
    let ended = ground.connect(&["--undo"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ground.pin(), None);
}
