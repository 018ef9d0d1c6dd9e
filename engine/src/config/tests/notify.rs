//! Who is told of what needs a person.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::{super::*, MAIN, check, checked};

fn with(notify: &str) -> String {
    format!("{MAIN}\n{notify}")
}

fn told(notify: &str, wanted: Expect) {
    check(&[("ledgerline.toml", &with(notify))], wanted);
}

const MAIL: &str = r#"
[notify.bookkeeper]
host = "smtp.example.com"
from = "ledgerline@example.com"
to = ["kim@example.com", "lee@example.com"]
credentials = { username = { env = "MAIL_USER" }, password = { file = "mail" } }
link-base = "https://books.example.com/pages"
"#;

#[test]
fn a_mail_and_a_webhook_are_read() {
    let hook = r#"
        [notify.chat]
        url = "http://127.0.0.1:4000/hooks/1?x=2"
        secret = { env = "HOOK" }
        every = "0s"
        remind = "72h"
    "#;
    let it = checked(&[("ledgerline.toml", &with(&format!("{MAIL}{hook}")))]).unwrap();
    let one = &it.notify["bookkeeper"];
    let NotifyWay::Mail(mail) = &one.way else {
        panic!("{one:?}")
    };
    assert_eq!((mail.port, mail.tls), (587, MailTls::StartTls));
    assert_eq!(
        mail.credentials,
        Some((
            SecretRef::Env("MAIL_USER".into()),
            SecretRef::File("/etc/ledgerline/mail".into())
        ))
    );
    assert_eq!(one.every, Duration::from_secs(900));
    assert_eq!(one.remind, Duration::from_secs(24 * 3600));
    assert_eq!(
        one.shown(),
        "kim@example.com, lee@example.com by smtp.example.com:587"
    );
    let chat = &it.notify["chat"];
    assert_eq!(
        (chat.every, chat.remind.as_secs()),
        (Duration::ZERO, 72 * 3600)
    );
    // The path may be what keeps others out.
    assert_eq!(chat.shown(), "http://127.0.0.1:4000");
    assert!(checked(&[]).unwrap().notify.is_empty());
}

#[test]
fn every_mistake_is_told_in_its_place() {
    told(
        r#"
[notify.one]
every = "2d"
[notify.Two]
url = "http://hooks.example.com"
[notify.three]
host = "smtp.example.com:25"
url = "https://hooks.example.com"
[notify.four]
host = "smtp.example.com"
port = 0
tls = "none"
from = "Kim <kim@example.com>"
to = []
credentials = { username = { env = "U" }, pasword = { env = "P" } }
secret = { env = "S" }
[notify.five]
url = "https://hooks.example.com"
port = 25
tls = "ssl"
remind = "10s"
credentials = { username = { env = "U" } }
[notify.six]
from = "l@example.com"
to = ["kim@", 3]
"#,
        expect![[r#"
            ledgerline.toml:23 [one] `one` reaches nobody (add host, from and to for an e-mail, or url for a webhook)
            ledgerline.toml:24 ["2d"] `2d` is not a duration (a number and a unit: "250ms", "30s", "5m", "2h")
            ledgerline.toml:25 [Two] `Two` is not a good name (lower-case letters, digits and single dashes, a letter first)
            ledgerline.toml:26 ["http://hooks.example.com"] `http://hooks.example.com` would send credentials unprotected (use https://; http:// is allowed for 127.0.0.1 and localhost alone)
            ledgerline.toml:29 [url] this is an e-mail and a webhook (write two tables, one for each)
            ledgerline.toml:32 [0] this is outside 1 to 65535 (-)
            ledgerline.toml:33 ["none"] the e-mail would travel unprotected ("starttls" or "tls"; "none" is for a server on this machine alone)
            ledgerline.toml:34 ["Kim <kim@example.com>"] `Kim <kim@example.com>` is not an e-mail address (the bare address: bookkeeper@example.com)
            ledgerline.toml:35 [[]] nobody would get it (to = ["bookkeeper@example.com"])
            ledgerline.toml:36 [{ username = { env = "U" }, pasword = { env = "P" } }] a mail server needs the credential `password`, too (add password = { env = "NAME" })
            ledgerline.toml:36 [pasword] a mail server takes no credential `pasword` (did you mean `password`?)
            ledgerline.toml:37 [secret] an e-mail takes no `secret` (remove `secret`)
            ledgerline.toml:40 [port] a webhook takes no `port` (remove `port`)
            ledgerline.toml:41 [tls] a webhook takes no `tls` (remove `tls`)
            ledgerline.toml:41 ["ssl"] `ssl` is none of starttls, tls, none (known: starttls, tls, none)
            ledgerline.toml:42 ["10s"] this is outside 1h to 744h (-)
            ledgerline.toml:43 [credentials] a webhook takes no `credentials` (remove `credentials`)
            ledgerline.toml:44 [six] an e-mail needs `host` (-)
            ledgerline.toml:46 ["kim@"] `kim@` is not an e-mail address (the bare address: bookkeeper@example.com)
            ledgerline.toml:46 [3] expected text, found a whole number (-)
        "#]],
    );
}

#[test]
fn unset_variables_of_messages_are_told() {
    let it = checked(&[("ledgerline.toml", &with(MAIL))]).unwrap();
    let set = |name: &str| name != "MAIL_USER";
    let told = unset(&it, &set, &["MAIL_USR".into()]);
    assert_eq!(told.list.len(), 1);
    assert_eq!(
        told.list[0].help.as_deref(),
        Some("`MAIL_USR` is set: did you mean it?")
    );
}
