//! The ways on which it goes well.

use std::time::Instant;

use scenarios::{PATIENCE, processes::set};

use crate::ground::{Ground, HARBOUR, TASMAN, allow, fetch, parameter, take, with_state};

const APP: &str = "DEMOWEBAPP00000000000000000000000";

#[test]
fn through_the_browser() {
    let ground = Ground::new();
    let path = ground.programs.config().join("ledgerline.toml");
    let before = format!("# Harbour's own remarks stay.\n{}", ground.file());
    std::fs::write(&path, before).unwrap();

    let mut connect = ground.start_connect(&["--account", HARBOUR], None);
    let address = connect.address();
    assert_eq!(parameter(&address, "code_challenge_method"), "S256");
    let back = allow(&address, &[HARBOUR, TASMAN]);

    // What does not belong here is refused, and the answer is still waited for.
    let home = format!("http://localhost:{}", ground.port);
    assert_eq!(fetch(&format!("{home}/favicon.ico"), None).status, 404);
    assert_eq!(fetch(&format!("{home}/callback"), None).status, 400);
    let stray = fetch(&with_state(&back, "somebody-elses"), None);
    assert_eq!(stray.status, 400, "{stray:?}");
    assert!(stray.body.contains("answers another question"), "{stray:?}");
    assert!(connect.runs());
    assert_eq!(ground.calls("POST", "/connect/token", 200), 0);

    let page = fetch(&back, None);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("You can close this window"), "{page:?}");
    let ended = connect.end("");
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(
        ended
            .stdout
            .contains("is now connected to Harbour Goods Pty Ltd"),
        "{ended:#?}"
    );
    let code = parameter(&back, "code");
    assert!(!ended.stdout.contains(code) && !ended.stderr.contains(code));

    assert_eq!(ground.pin().as_deref(), Some(HARBOUR));
    let file = ground.file();
    assert!(
        file.starts_with("# Harbour's own remarks stay.\n"),
        "{file}"
    );
    assert!(file.contains("# Harbour Goods Pty Ltd"), "{file}");
    assert_eq!(ground.calls("POST", "/connect/token", 200), 1);

    // Connected is connected: nobody is asked again, and documents can go.
    let again = ground.connect(&[]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert!(again.stdout.contains("is connected to"), "{again:#?}");
    let sync = ground.run(&["sync", "--confirm", "--json"]);
    assert!(
        matches!(sync.code, Some(0 | 4)) && !ground.programs.books().xero.is_empty(),
        "{sync:#?}"
    );
    assert_eq!(ground.calls("POST", "/connect/token", 200), 1);
}

#[test]
fn by_pasting_the_address() {
    let ground = Ground::new();
    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    // Half an address, somebody else's, then the right one.
    connect.type_in("http://localhost/callback?code=\n\n");
    connect.type_in(&format!("{}\n", with_state(&back, "wrong")));
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for told in ["it holds no answer", "answers another question"] {
        assert!(ended.stderr.contains(told), "{told}: {ended:#?}");
    }
    // The only account is chosen by itself.
    assert_eq!(ground.pin().as_deref(), Some(HARBOUR));
}

#[test]
fn of_several_accounts_one_is_named() {
    let ground = Ground::new();
    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR, TASMAN]);
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    let shown = [
        "Harbour Goods Pty Ltd",
        HARBOUR,
        "AU",
        "AUD",
        "demo",
        "Tasman Trading Ltd",
        TASMAN,
        "NZ",
        "NZD",
        "live",
        // The connection may write to demonstrations alone, and the source keeps Australian books.
        "demo-only",
        "it keeps its books in NZD",
    ];
    for it in shown {
        assert!(ended.stdout.contains(it), "{it}: {ended:#?}");
    }
    assert!(ended.stderr.contains("--account ID"), "{ended:#?}");
    assert_eq!(ground.pin(), None);

    // The consent is kept: naming the account is all that is left to do.
    let refused = ground.connect(&["--account", TASMAN]);
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert!(
        refused
            .stderr
            .contains("may only write to a demonstration account"),
        "{refused:#?}"
    );
    let unknown = ground.connect(&["--account", "no-such"]);
    assert_eq!(unknown.code, Some(3), "{unknown:#?}");
    assert!(unknown.stderr.contains(HARBOUR), "{unknown:#?}");
    assert_eq!(ground.pin(), None);
    let named = ground.connect(&["--account", HARBOUR]);
    assert_eq!(named.code, Some(0), "{named:#?}");
    assert_eq!(ground.pin().as_deref(), Some(HARBOUR));
    assert_eq!(ground.calls("POST", "/connect/token", 200), 1);

    // What was sent is linked to that account: the connection does not move.
    let moved = ground.connect(&["--account", TASMAN]);
    assert_eq!(moved.code, Some(3), "{moved:#?}");
    assert!(moved.stderr.contains("is pinned to account"), "{moved:#?}");
}

#[test]
fn another_consent_can_be_asked_for() {
    let ground = Ground::new();
    for tenants in [&[HARBOUR][..], &[HARBOUR, TASMAN]] {
        let mut connect = ground.start_connect(&["--paste", "--again"], None);
        let back = allow(&connect.address(), tenants);
        let ended = connect.end(&format!("{back}\n"));
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(ground.held_by(APP).len(), 2.min(tenants.len().max(1)));
    }
    assert_eq!(ground.pin().as_deref(), Some(HARBOUR));
}

#[test]
fn a_pin_that_cannot_be_written_is_kept_in_the_store() {
    use std::os::unix::fs::PermissionsExt;
    let ground = Ground::new();
    let path = ground.programs.config().join("ledgerline.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(
        ended.stdout.contains("the pin is in the store, because"),
        "{ended:#?}"
    );
    assert_eq!(ground.pin(), None);
    let check = ground.run(&["sync", "--dry-run", "--json"]);
    assert!(!check.stdout.contains("not pinned"), "{check:#?}");
    let again = ground.connect(&[]);
    assert!(
        again.stdout.contains("xero-au is connected to"),
        "{again:#?}"
    );
}

#[test]
fn through_an_engine_that_runs() {
    let ground = Ground::new();
    let engine = ground.start(&["run"], None);
    let socket = ground
        .programs
        .config()
        .join("state")
        .join("ledgerline.sock");
    let begun = Instant::now();
    while !socket.exists() && begun.elapsed() < PATIENCE {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(socket.exists(), "{}", engine.end("").stderr);
    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ground.pin().as_deref(), Some(HARBOUR));
    assert!(ended.stderr.contains("restart the engine"), "{ended:#?}");
    // The engine's own store was used: nobody else can open it while it runs.
    let check = ground.run(&["check", "--json"]);
    assert!(check.stdout.contains("\"rows\""), "{check:#?}");
    drop(engine);
}

#[test]
fn a_consent_that_cannot_be_renewed_is_told() {
    let ground = Ground::with(|plan| {
        let scopes = vec![
            "accounting.invoices",
            "accounting.contacts",
            "accounting.settings.read",
        ];
        set(&mut plan.deployment, "apps/xero-app/scopes", scopes);
    });
    let mut connect = ground.start_connect(&["--paste"], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("offline_access"), "{ended:#?}");
}

#[test]
fn an_app_without_a_secret() {
    let ground = Ground::with(|plan| {
        let client = "DEMOPKCEAPP0000000000000000000000";
        set(&mut plan.deployment, "apps/xero-app/client-id", client);
        take(&mut plan.deployment, &["apps", "xero-app"], "client-secret");
    });
    let mut connect = ground.start_connect(&[], None);
    let back = allow(&connect.address(), &[HARBOUR]);
    assert_eq!(fetch(&back, None).status, 200);
    let ended = connect.end("");
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ground.pin().as_deref(), Some(HARBOUR));
}
