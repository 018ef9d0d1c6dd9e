//! Rules of a manifest beyond its form: does it agree with the library that carries it, with this
//! engine, and with itself. Its jq is compiled where configurations are.

use ledgerline_plugin_api::{
    abi::op,
    manifest::{AuthSlot, Files, Find, Ledger, Manifest, Op, Stock, Stream},
};
use semver::{Version, VersionReq};

use super::trace::Broken;

pub(super) fn check(
    manifest: &Manifest,
    name: &str,
    version: &Version,
    ops: u32,
    engine: &str,
) -> Result<(), Broken> {
    let defect = |rule: String| Err(Broken::new(rule, "report this to the connector's owner"));
    if manifest.name != name {
        return defect(format!(
            "the manifest's name must be the library's, it is `{}`",
            manifest.name
        ));
    }
    if manifest.version != version.to_string() {
        return defect(format!(
            "the manifest's version must be the library's, it is `{}`",
            manifest.version
        ));
    }
    if let Some(needed) = &manifest.engine {
        let Ok(requirement) = needed.parse::<VersionReq>() else {
            return defect(format!(
                "`engine` must be a version requirement, it is `{needed}`"
            ));
        };
        if !engine.parse().is_ok_and(|it| requirement.matches(&it)) {
            return Err(Broken::new(
                format!("it needs an engine {needed}, this is {engine}"),
                "upgrade the engine, or install an older version of the connector",
            ));
        }
    }
    if !manifest.reads_state.contains(&manifest.state_version) {
        return defect(format!(
            "`reads-state` must contain the `state-version` {}",
            manifest.state_version
        ));
    }
    if manifest.streams.is_empty() {
        return defect("a connector has a stream at least".to_owned());
    }
    if let Some(name) = &manifest.start_setting
        && manifest.settings["properties"][name]["type"] != "string"
    {
        return defect(format!(
            "`start-setting` must name a setting that is text, it is `{name}`"
        ));
    }
    if let Some(name) = &manifest.valuation
        && !manifest
            .streams
            .get(name)
            .is_some_and(|it| it.files.is_some() && it.total.is_some())
    {
        return defect(format!(
            "`valuation` must name a stream with `files` and a `total`, it is `{name}`"
        ));
    }
    for (slot, it) in &manifest.auth {
        if let AuthSlot::Oauth2 {
            disconnect_url: Some(path),
            ..
        } = it
            && !(path.starts_with('/') && path.contains("{consent}"))
        {
            return defect(format!(
                "slot `{slot}`: `disconnect-url` must be a path with `{{consent}}`, it is `{path}`"
            ));
        }
    }
    for (stream, it) in &manifest.streams {
        if let Err(rule) = check_stream(manifest, it, ops) {
            return defect(format!("stream `{stream}`: {rule}"));
        }
    }
    Ok(())
}

fn check_stream(manifest: &Manifest, stream: &Stream, ops: u32) -> Result<(), String> {
    if stream.ops.is_empty() {
        return Err("it has no operation".to_owned());
    }
    for declared in &stream.ops {
        let (bit, name) = match declared {
            Op::Pull => (op::PULL, "pull"),
            Op::Push => (op::PUSH, "push"),
            Op::Find => (op::FIND, "find"),
        };
        if ops & bit == 0 {
            return Err(format!(
                "it declares {name}, which the library does not implement"
            ));
        }
    }
    let finds = stream.ops.contains(&Op::Find);
    match stream.find {
        Find::None if finds => return Err("it declares find, and not by what".to_owned()),
        Find::Number | Find::ModifiedSince if !finds => {
            return Err("it says by what it finds, and does not declare find".to_owned());
        }
        Find::None | Find::Number | Find::ModifiedSince => {}
    }
    if stream
        .batch
        .as_ref()
        .is_some_and(|it| it.documents == 0 || it.bytes == 0)
    {
        return Err("a batch holds a document and a byte at least".to_owned());
    }
    if let Some(files) = &stream.files {
        check_files(stream, files)?;
    }
    if let Some(settled) = &stream.settled {
        let payments = manifest.streams.get(&settled.by);
        if payments.is_none_or(|it| it.settles.is_none()) {
            return Err(format!(
                "it is settled by `{}`, which is no stream with `settles`",
                settled.by
            ));
        }
    }
    if let Some(stock) = &stream.stock {
        check_stock(manifest, stock)?;
    }
    if let Some(ledger) = &stream.ledger {
        check_ledger(manifest, ledger)?;
    }
    for check in &stream.checks {
        for reference in check.refs.values() {
            match manifest.streams.get(&reference.stream) {
                Some(it) if it.reference => {}
                Some(_) => {
                    return Err(format!(
                        "check `{}` looks into `{}`, which is not a reference stream",
                        check.name, reference.stream
                    ));
                }
                None => {
                    return Err(format!(
                        "check `{}` looks into `{}`, which does not exist",
                        check.name, reference.stream
                    ));
                }
            }
        }
    }
    Ok(())
}

fn check_stock(manifest: &Manifest, stock: &Stock) -> Result<(), String> {
    if stock.rows.is_none() && stock.moved.is_none() {
        return Err("`stock` has neither `moved` nor `rows`".to_owned());
    }
    let Some(costs) = &stock.costs else {
        return Ok(());
    };
    let told = manifest.streams.get(costs).and_then(|it| it.stock.as_ref());
    match told.is_some_and(|it| it.rows.is_some()) {
        true => Ok(()),
        false => Err(format!(
            "`stock.costs` must name a stream whose `stock` has `rows`, it is `{costs}`"
        )),
    }
}

fn check_ledger(manifest: &Manifest, ledger: &Ledger) -> Result<(), String> {
    if manifest.settings["properties"][&ledger.day]["type"] != "string" {
        return Err(format!(
            "`ledger.day` must name a setting that is text, it is `{}`",
            ledger.day
        ));
    }
    let accounts = manifest.streams.get(&ledger.accounts);
    match accounts.is_some_and(|it| it.reference && it.key.is_some()) {
        true => Ok(()),
        false => Err(format!(
            "`ledger.accounts` must name a reference stream with a `key`, it is `{}`",
            ledger.accounts
        )),
    }
}

fn check_files(stream: &Stream, files: &Files) -> Result<(), String> {
    if stream.ops != [Op::Pull] {
        return Err("files can be read only: its ops are [\"pull\"]".to_owned());
    }
    if files.by.is_empty() {
        return Err("`files.by` names no column".to_owned());
    }
    for column in files.by.iter().chain(&files.optional) {
        if !files.columns.contains_key(column) {
            return Err(format!("`{column}` is not among the columns of its files"));
        }
    }
    match files.by.iter().find(|it| files.optional.contains(it)) {
        Some(it) => Err(format!(
            "`{it}` names the documents of its files, so it is not optional"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn manifest(change: Value) -> Manifest {
        let mut whole = json!({
            "name": "acme", "title": "Acme", "version": "1.2.0", "engine": ">=0.1",
            "streams": {"invoices": {"title": "invoice", "ops": ["pull", "find"], "find": "number"}},
        });
        for (key, value) in change.as_object().unwrap() {
            whole[key] = value.clone();
        }
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn rules_of_a_manifest() {
        let stream = |stream: Value| json!({"streams": {"s": stream}});
        let cases = [
            (json!({}), None),
            (json!({"engine": null}), None),
            (
                json!({"name": "beta"}),
                Some("the manifest's name must be the library's, it is `beta`"),
            ),
            (
                json!({"version": "1.2"}),
                Some("the manifest's version must be the library's, it is `1.2`"),
            ),
            (
                json!({"engine": "soon"}),
                Some("`engine` must be a version requirement, it is `soon`"),
            ),
            (
                json!({"engine": ">=9"}),
                Some("it needs an engine >=9, this is 0.4.1"),
            ),
            (
                json!({"state-version": 2}),
                Some("`reads-state` must contain the `state-version` 2"),
            ),
            (json!({"state-version": 2, "reads-state": [1, 2]}), None),
            (
                json!({"start-setting": "since", "settings": {"properties": {"since": {"type": "string"}}}}),
                None,
            ),
            (
                json!({"start-setting": "since", "settings": {"properties": {"from": {"type": "string"}}}}),
                Some("`start-setting` must name a setting that is text, it is `since`"),
            ),
            (
                json!({"valuation": "invoices"}),
                Some("`valuation` must name a stream with `files` and a `total`, it is `invoices`"),
            ),
            (
                stream(json!({"title": "s", "ops": ["pull"], "stock": {"amount": ".x"}})),
                Some("stream `s`: `stock` has neither `moved` nor `rows`"),
            ),
            (
                stream(
                    json!({"title": "s", "ops": ["pull"], "stock": {"moved": ".x", "costs": "s"}}),
                ),
                Some(
                    "stream `s`: `stock.costs` must name a stream whose `stock` has `rows`, it is `s`",
                ),
            ),
            (
                stream(json!({"title": "s", "ops": ["pull"], "ledger": {
                    "day": "on", "balance": ".x", "accounts": "s", "id": ".i", "name": ".n",
                }})),
                Some("stream `s`: `ledger.day` must name a setting that is text, it is `on`"),
            ),
            (
                json!({"streams": {}}),
                Some("a connector has a stream at least"),
            ),
            (
                stream(json!({"title": "s", "ops": ["push"]})),
                Some("stream `s`: it declares push, which the library does not implement"),
            ),
            (
                stream(json!({"title": "s", "ops": ["pull"], "find": "number"})),
                Some("stream `s`: it says by what it finds, and does not declare find"),
            ),
            (
                stream(json!({"title": "s", "ops": ["find"]})),
                Some("stream `s`: it declares find, and not by what"),
            ),
            (
                stream(
                    json!({"title": "s", "ops": ["pull"], "batch": {"documents": 0, "bytes": 1}}),
                ),
                Some("stream `s`: a batch holds a document and a byte at least"),
            ),
            (
                stream(json!({"title": "s", "ops": []})),
                Some("stream `s`: it has no operation"),
            ),
            (
                stream(json!({"title": "s", "ops": ["pull"], "checks": [{
                    "name": "account", "keys": {}, "refs": {"account": {"stream": "accounts"}},
                    "that": "true", "category": "mapping", "cause": "", "remedy": "", "waits-for": "",
                }]})),
                Some("stream `s`: check `account` looks into `accounts`, which does not exist"),
            ),
            (
                stream(json!({"title": "s", "ops": ["pull"], "settled": {
                    "by": "slips", "payments": "[]", "others": "[]", "open": "0",
                }})),
                Some("stream `s`: it is settled by `slips`, which is no stream with `settles`"),
            ),
        ];
        for (change, expected) in cases {
            let manifest = manifest(change.clone());
            let result = check(
                &manifest,
                "acme",
                &Version::new(1, 2, 0),
                op::PULL | op::FIND,
                "0.4.1",
            );
            let rule = result.err().map(|broken| broken.rule);
            assert_eq!(rule.as_deref(), expected, "{change}");
        }
    }
}
