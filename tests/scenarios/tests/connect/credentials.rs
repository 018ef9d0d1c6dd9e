//! Apps that need nobody's consent: client credentials.

use scenarios::processes::set;

use crate::ground::{Ground, HARBOUR};

fn ground() -> Ground {
    Ground::with(|plan| {
        for (key, value) in [
            ("grant", "client-credentials"),
            ("client-id", "DEMOCUSTOMCONNECTION0000000000000"),
        ] {
            set(&mut plan.deployment, &format!("apps/xero-app/{key}"), value);
        }
        let scopes = vec![
            "accounting.invoices",
            "accounting.contacts",
            "accounting.settings.read",
        ];
        set(&mut plan.deployment, "apps/xero-app/scopes", scopes);
    })
}

#[test]
fn the_app_works_and_its_only_account_is_pinned() {
    let ground = ground().client_secret("demo-secret");
    let ended = ground.connect(&[]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(
        !ended.stdout.contains("http://"),
        "nobody is asked: {ended:#?}"
    );
    assert_eq!(ground.pin().as_deref(), Some(HARBOUR));
}

#[test]
fn a_wrong_secret_is_told_at_once() {
    let ground = ground();
    let ended = ground.connect(&[]);
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(
        ended
            .stderr
            .contains("check client-id, client-secret and scopes of [apps.xero-app]"),
        "{ended:#?}"
    );
    assert_eq!(ground.pin(), None);
}
