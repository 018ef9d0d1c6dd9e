//! A real browser clicks through the stand-in's login page and comes home to the engine.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

use scenarios::PATIENCE;

use crate::{
    devtools::{Browser, installed},
    ground::{Ground, HARBOUR, TASMAN},
};

/// Leaves this file's tests out, on a machine that is not to have a browser.
const WITHOUT: &str = "LEDGERLINE_TEST_WITHOUT_BROWSER";

fn browser() -> Option<Browser> {
    match installed() {
        Some(it) => Some(Browser::start(&it)),
        None if std::env::var_os(WITHOUT).is_some() => None,
        None => panic!(
            "chromium is not installed, so nobody can click through the login page: install it \
             (apt-get install chromium), or set {WITHOUT}=1 to leave this test out"
        ),
    }
}

/// A program that takes the place of the desktop's own, and notes what it is to open.
fn opener(folder: &Path) -> String {
    let program = folder.join("xdg-open");
    let script = format!(
        "#!/bin/sh\nprintf '%s' \"$1\" > '{0}/new' && mv '{0}/new' '{0}/opened'\n",
        folder.display()
    );
    std::fs::write(&program, script).expect("a script");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a script");
    let path = std::env::var("PATH").expect("PATH");
    format!("{}:{path}", folder.display())
}

fn opened(folder: &Path) -> String {
    let begun = Instant::now();
    loop {
        if let Ok(it) = std::fs::read_to_string(folder.join("opened")) {
            return it;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing was opened");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn sign_in(browser: &mut Browser, address: &str) {
    browser.go(address);
    browser.wait_for("Log in");
    browser.click("input[name=email]");
    browser.type_in("kim@harbour.example");
    browser.click("input[name=password]");
    browser.type_in("any");
    browser.click("#sign-in");
    browser.wait_for("Select an organisation");
}

#[test]
fn a_person_clicks_allow() {
    let Some(mut browser) = browser() else { return };
    let ground = Ground::new();
    let desktop = tempfile::tempdir().expect("a folder");
    let args = ["connect", "xero-au", "--account", HARBOUR];
    let path = opener(desktop.path());
    let mut connect = ground.start_with(&args, &[("PATH", &path)]);
    let shown = connect.address();
    let address = opened(desktop.path());
    assert_eq!(address, shown);

    sign_in(&mut browser, &address);
    browser.click(&format!("input[value='{HARBOUR}']"));
    browser.click(&format!("input[value='{TASMAN}']"));
    browser.click("#allow");
    browser.wait_for("You can close this window");
    let text = browser.text();
    assert!(text.contains("Connected"), "{text}");

    let ended = connect.end("");
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ground.pin().as_deref(), Some(HARBOUR));
    assert_eq!(ground.calls("POST", "/connect/token", 200), 1);
}

#[test]
fn a_person_clicks_cancel() {
    let Some(mut browser) = browser() else { return };
    let ground = Ground::new();
    let mut connect = ground.start_connect(&[], None);
    sign_in(&mut browser, &connect.address());
    browser.click("#cancel");
    browser.wait_for("Not connected");
    let ended = connect.end("");
    assert_eq!(ended.code, Some(5), "{ended:#?}");
    assert_eq!(ground.pin(), None);
}
