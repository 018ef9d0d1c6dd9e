//! A person with a browser.

use std::io;

use super::mirror::{Page, fetch};

/// Signs in, lets the app at the demonstration's organisation, and gives the address that the browser
/// is sent to.
pub(super) fn allow(address: &str, tenant: &str) -> io::Result<String> {
    fetch(address, None)?;
    fetch(
        address,
        Some("step=sign-in&email=kim%40harbour.example&password=x"),
    )?;
    sent_back(fetch(
        address,
        Some(&format!("signed-in=yes&decision=allow&tenant={tenant}")),
    )?)
}

/// Says no.
pub(super) fn cancel(address: &str) -> io::Result<String> {
    sent_back(fetch(address, Some("signed-in=yes&decision=cancel"))?)
}

fn sent_back(page: Page) -> io::Result<String> {
    let Page {
        status,
        location,
        body,
    } = page;
    location.ok_or_else(|| io::Error::other(format!("not sent back, but {status}: {body}")))
}
