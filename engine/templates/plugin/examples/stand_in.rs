//! Stands in for {{title}} on loopback, answering from the recordings, so that the deployment in
//! `deployment/` can be tried without an account there.

use std::error::Error;

use ledgerline_plugin_api::{recording::Recording, testkit::StandIn};

#[expect(clippy::print_stdout, reason = "a program says where it listens")]
fn main() -> Result<(), Box<dyn Error>> {
    let recordings = [
        include_str!("../tests/recordings/orders.json"),
        include_str!("../tests/recordings/orders-later.json"),
        include_str!("../tests/recordings/invoices.json"),
        include_str!("../tests/recordings/check.json"),
    ];
    let recordings: Result<Vec<_>, _> = recordings.into_iter().map(Recording::parse).collect();
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8787".into());
    let stand_in = StandIn::bind(&address, &recordings?)?;
    println!("{}", stand_in.url());
    Ok(stand_in.serve()?)
}
