//! All connections, one after the other.

use super::{account, files, tables, unmapped};
use crate::{
    http::CallClass,
    operate::{CheckRow, ConnectionReport, Verdict, connect},
    pipeline::{self, Engine},
    plugins::Cancel,
    store::StoreError,
};

pub(in crate::operate) async fn check(
    engine: &Engine,
) -> Result<Vec<ConnectionReport>, StoreError> {
    let mut reports = Vec::new();
    for (name, system) in &engine.connected {
        let class = CallClass::Interactive;
        let looked = pipeline::account::look(engine, system, class, Cancel::default()).await;
        let mut rows = account::rows(engine, system, &looked);
        if let Ok(report) = &looked
            && let Some(it) = connect::renamed(engine, name, &report.account).await?
        {
            rows.push(CheckRow::ok("to know", it));
        }
        rows.extend(account::written(engine, name));
        rows.extend(tables::rows(engine, system, looked.is_ok()).await?);
        rows.extend(files::rows(engine, system).await?);
        rows.extend(unmapped::rows(engine, name).await?);
        let problems = rows
            .iter()
            .filter(|it| it.verdict == Verdict::Wrong)
            .map(|it| match &it.remedy {
                Some(remedy) => format!("{}: {}; {remedy}", it.what, it.says),
                None => format!("{}: {}", it.what, it.says),
            })
            .collect();
        reports.push(ConnectionReport {
            connection: name.clone(),
            report: looked.map_err(|it| it.to_string()),
            problems,
            rows,
        });
    }
    Ok(reports)
}
