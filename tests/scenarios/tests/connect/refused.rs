//! What a person can do wrong, or may say no to.

use std::time::Instant;

use crate::ground::{Ground, HARBOUR, allow, cancel, fetch, parameter, with_state};

const APP: &str = "DEMOWEBAPP00000000000000000000000";

#[test]
fn a_consent_that_is_not_given() {
    let ground = Ground::new();
    let mut connect = ground.start_connect(&[], None);
    let back = cancel(&connect.address());
    assert_eq!(parameter(&back, "error"), "access_denied");
    let page = fetch(&back, None);
    assert!(page.body.contains("Not connected"), "{page:?}");
    let ended = connect.end("");
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert!(
        ended
            .stderr
            .contains("the consent was not given (access_denied)"),
        "{ended:#?}"
    );
    assert_eq!(ground.pin(), None);
    assert_eq!(ground.calls("POST", "/connect/token", 200), 0);
}

#[test]
fn a_code_that_was_used_is_refused() {
    let ground = Ground::new();
    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    assert_eq!(connect.end(&format!("{back}\n")).code, Some(0));

    // The old address answers no question that is open.
    let mut connect = ground.start_connect(&["--paste", "--again"], None);
    let address = connect.address();
    connect.type_in(&format!("{back}\n"));
    // Nor does its code become good by the new question's state: the vendor knows it.
    let forged = with_state(&back, parameter(&address, "state"));
    let ended = connect.end(&format!("{forged}\n"));
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert!(
        ended.stderr.contains("answers another question"),
        "{ended:#?}"
    );
    assert!(
        ended.stderr.contains("was used up or is too old"),
        "{ended:#?}"
    );
    assert_eq!(ground.calls("POST", "/connect/token", 400), 1);
    // What was connected stays so.
    assert_eq!(ground.connect(&[]).code, Some(0));
}

#[test]
fn a_code_that_is_too_old() {
    let ground = Ground::new();
    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    let later = serde_json::json!({ "advance-seconds": 301 });
    ground.programs.tell("/_sandbox/clock", &later);
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert!(
        ended.stderr.contains("was used up or is too old"),
        "{ended:#?}"
    );

    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    assert_eq!(connect.end(&format!("{back}\n")).code, Some(0));
}

#[test]
fn nobody_comes() {
    let ground = Ground::new();
    let begun = Instant::now();
    let ended = ground.connect(&["--wait", "1"]);
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert!(
        ended.stderr.contains("no answer came within 1 s"),
        "{ended:#?}"
    );
    assert!(begun.elapsed().as_secs() < 60);

    // The window is still open: its address can be pasted, its question still stands.
    let mut connect = ground.start_connect(&["--paste"], None);
    let again = connect.address();
    let first = ended.stdout.lines().next().expect("an address");
    assert_eq!(again, first);
    let back = allow(first, &[HARBOUR]);
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn a_port_that_is_taken() {
    let ground = Ground::new();
    let _other = std::net::TcpListener::bind(("127.0.0.1", ground.port)).expect("the port");
    let ended = ground.connect(&[]);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    for told in ["cannot be listened on", "--paste", "redirect"] {
        assert!(ended.stderr.contains(told), "{told}: {ended:#?}");
    }
}

#[test]
fn the_vendors_own_refusals() {
    let ground = Ground::new();
    let mut connect = ground.start_connect(&["--paste"], None);
    let address = connect.address();
    let state = parameter(&address, "state").to_owned();
    let page = |address: &str| fetch(address, None);

    let wrong = page(&address.replace(APP, "NOSUCHAPP"));
    assert!(
        wrong.status == 400 && wrong.body.contains("Error: unauthorized_client"),
        "{wrong:?}"
    );
    let port = ground.port.to_string();
    let wrong = page(&address.replace(&port, "1"));
    assert!(
        wrong.status == 400 && wrong.body.contains("Error: invalid_request"),
        "{wrong:?}"
    );
    let wrong = page(&address.replace("accounting.contacts", "accounting.everything"));
    let back = wrong.location.expect("an address");
    assert_eq!(parameter(&back, "error"), "invalid_scope");
    assert_eq!(parameter(&back, "state"), state);
    let wrong = fetch(&address, Some("step=sign-in&email=kim&password="));
    assert!(
        wrong.body.contains("email or password is incorrect"),
        "{wrong:?}"
    );
    let wrong = fetch(&address, Some("signed-in=yes&decision=allow"));
    assert!(
        wrong.body.contains("Select an organisation</p>"),
        "{wrong:?}"
    );
    let wrong = fetch(&address, Some(&format!("decision=allow&tenant={HARBOUR}")));
    assert!(wrong.body.contains("<h1>Log in</h1>"), "{wrong:?}");

    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert!(
        ended.stderr.contains("scopes` of [apps.xero-app]"),
        "{ended:#?}"
    );
}

#[test]
fn a_client_secret_that_is_wrong() {
    let ground = Ground::new().client_secret("not-the-secret");
    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert!(
        ended
            .stderr
            .contains("refused the client of app `xero-app`"),
        "{ended:#?}"
    );
    assert!(!ended.stderr.contains("not-the-secret"), "{ended:#?}");
}

#[test]
fn a_connection_that_needs_no_consent() {
    let ground = Ground::new();
    let ended = ground.run(&["connect", "omni-au"]);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(ended.stderr.contains("needs no consent"), "{ended:#?}");
    let ended = ground.run(&["connect", "xero-ua"]);
    assert!(
        ended.stderr.contains("did you mean `xero-au`?"),
        "{ended:#?}"
    );
}
