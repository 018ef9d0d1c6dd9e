//! The command dies between any two of its steps; the next one goes on.

use ledgerline::pipeline::CONNECT_STEPS;

use crate::ground::{Ground, HARBOUR, TASMAN, allow};

const APP: &str = "DEMOWEBAPP00000000000000000000000";
/// Steps of taking back.
const UNDOING: [&str; 3] = [
    "account-given-back",
    "consent-given-back",
    "account-unpinned",
];

/// Connects, answering whatever question is put. Gives back how often somebody was asked.
fn connect(ground: &Ground) -> usize {
    // Whether a question comes is seen when nothing was asked: the input ends at once.
    let args = ["--paste", "--account", HARBOUR];
    let silent = ground.connect(&args);
    if silent.code == Some(0) {
        return 0;
    }
    assert_eq!(silent.code, Some(5), "{silent:#?}");
    let mut asking = ground.start_connect(&args, None);
    let back = allow(&asking.address(), &[HARBOUR, TASMAN]);
    let ended = asking.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    1
}

#[test]
fn while_connecting() {
    let steps = CONNECT_STEPS.iter().filter(|it| !UNDOING.contains(it));
    for step in steps.chain(&["token-stored"]) {
        let ground = Ground::new();
        let args = ["--paste", "--account", HARBOUR];
        let mut dying = ground.start_connect(&args, Some(step));
        let dead = if *step == "consent-asked" {
            dying.end("")
        } else {
            let back = allow(&dying.address(), &[HARBOUR, TASMAN]);
            dying.end(&format!("{back}\n"))
        };
        assert!(dead.signal.is_some(), "{step}: it did not die: {dead:#?}");
        let asked = connect(&ground);
        // Who has said yes is not asked again.
        assert_eq!(asked, usize::from(*step == "consent-asked"), "{step}");
        assert_eq!(ground.pin().as_deref(), Some(HARBOUR), "{step}");
        // A code that was exchanged is not sent again: vendors take its tokens away then.
        assert_eq!(ground.calls("POST", "/connect/token", 200), 1, "{step}");
        assert_eq!(ground.calls("POST", "/connect/token", 400), 0, "{step}");
    }
}

#[test]
fn the_window_of_a_command_that_died_is_still_good() {
    let ground = Ground::new();
    let mut dying = ground.start_connect(&[], None);
    let address = dying.address();
    let back = allow(&address, &[HARBOUR]);
    dying.kill();
    // The browser was sent to nobody. A new command asks the same question, so its answer is taken.
    let connect = ground.start_connect(&["--paste"], None);
    let ended = connect.end(&format!("{back}\n"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains(&address), "{ended:#?}");
    assert_eq!(ground.pin().as_deref(), Some(HARBOUR));
}

#[test]
fn while_undoing() {
    for step in UNDOING {
        let ground = Ground::new();
        connect(&ground);
        assert_eq!(ground.held_by(APP), [HARBOUR, TASMAN], "{step}");
        let dead = ground.start_connect(&["--undo"], Some(step)).end("");
        assert!(dead.signal.is_some(), "{step}: it did not die: {dead:#?}");
        let ended = ground.connect(&["--undo"]);
        assert_eq!(ended.code, Some(0), "{step}: {ended:#?}");
        assert_eq!(ground.pin(), None, "{step}");
        assert_eq!(ground.held_by(APP), Vec::<String>::new(), "{step}");
        assert_eq!(connect(&ground), 1, "{step}");
        assert_eq!(ground.pin().as_deref(), Some(HARBOUR), "{step}");
    }
}
