//! A live look at every connection, before anything is sent.

use crate::{
    http::CallClass,
    operate::ConnectionReport,
    pipeline::{Engine, account},
    plugins::Cancel,
};

pub(super) async fn check(engine: &Engine) -> Vec<ConnectionReport> {
    let mut reports = Vec::new();
    for (name, system) in &engine.connected {
        let looked = account::look(engine, system, CallClass::Interactive, Cancel::default()).await;
        let problems = match &looked {
            Ok(report) => account::objections(system, report),
            Err(_) => Vec::new(),
        };
        reports.push(ConnectionReport {
            connection: name.clone(),
            report: looked.map_err(|it| it.to_string()),
            problems,
        });
    }
    reports
}
