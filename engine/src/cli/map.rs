//! `map` and `test`: mappings tried on documents, without a store or a call.

use std::{io, path::Path};

use crate::{
    cli::{
        args::{Common, MapArgs},
        open::{Failure, ground, plugins},
        out::Out,
    },
    mapping::{Apply, Followed, LinkAnswer, LinkAsk, Links, Shared, TestCx, Value},
    pipeline::{Offline, check_offline},
};

fn offline(common: &Common) -> Result<Offline, Failure> {
    let deployment = ground(common)?.deployment;
    let registry = plugins(&deployment)?;
    check_offline(deployment, &registry).map_err(|it| Failure::findings(&it))
}

/// Links without a store: every linked document has an id that is plainly nobody's. Targets look at
/// the form of ids, so there are several.
struct Pretended(&'static str);

const FORMS: [&str; 3] = ["<{link} {id}>", "00000000-0000-0000-0000-000000000000", "0"];

impl Links for Pretended {
    fn resolve(&self, ask: &LinkAsk<'_>) -> LinkAnswer {
        let named = self.0.replace("{link}", ask.link);
        LinkAnswer::Target(named.replace("{id}", ask.value))
    }
}

pub(super) fn map(common: &Common, out: &Out, args: &MapArgs) -> Result<u8, Failure> {
    let offline = offline(common)?;
    let users: Vec<&String> = offline
        .plans
        .iter()
        .filter(|(_, it)| it.route.mapping == args.mapping)
        .map(|(name, _)| name)
        .collect();
    let name = match (&args.route, users.as_slice()) {
        (Some(it), _) => it,
        (None, [one]) => *one,
        (None, []) => {
            return Err(Failure::refused(format!(
                "no route uses a mapping `{}`",
                args.mapping
            )));
        }
        (None, many) => {
            let names: Vec<&str> = many.iter().map(|it| it.as_str()).collect();
            return Err(Failure::refused(format!(
                "several routes use {}: name one with --route: {}",
                args.mapping,
                names.join(", ")
            )));
        }
    };
    let Some(plan) = offline.plans.get(name) else {
        return Err(Failure::refused(format!("no route `{name}`")));
    };
    let told = |why: String| Failure::refused(format!("{}: {why}", args.document.display()));
    let bytes = std::fs::read(&args.document).map_err(|it| told(it.to_string()))?;
    let document = Value::parse(&bytes).map_err(|it| told(it.to_string()))?;
    let settings = offline
        .ends
        .get(&plan.origin)
        .map(|it| it.settings.clone())
        .unwrap_or_default();
    let today = jiff::Timestamp::now()
        .to_zoned(plan.zone.clone())
        .date()
        .to_string();
    let shared = Shared::default();
    let mut cx = Apply {
        document: &document,
        settings: &settings,
        target_settings: &plan.target_settings,
        number: None,
        today: &today,
        links: &Pretended(FORMS[0]),
        followed: &Followed::default(),
        shared: &shared,
    };
    let number = plan
        .mapping
        .number(&cx)
        .map_err(|it| Failure::refused(it.words()))?;
    cx.number = number.as_deref();
    let gate = plan.mapping.gate(&cx);
    let forms = FORMS.map(Pretended);
    let fits = |links: &&Pretended| {
        plan.mapping
            .map(&Apply {
                links: *links,
                ..cx
            })
            .is_ok()
    };
    if let Some(links) = forms.iter().find(fits) {
        cx.links = links;
    }
    let rows: Vec<Vec<String>> = plan
        .mapping
        .explain(&cx)
        .into_iter()
        .map(|it| {
            let value = match it.value {
                Ok(Some(value)) => value.to_json(),
                Ok(None) => "(left out)".to_owned(),
                Err(why) => format!("stops: {why}"),
            };
            vec![it.field, value, it.made_by, it.at]
        })
        .collect();
    let mapped = plan.mapping.map(&cx);
    if out.json {
        out.exact(match &mapped {
            Ok(it) => it.document.to_pretty(),
            Err(stop) => return Err(Failure::refused(stop.words())),
        });
        return Ok(0);
    }
    if let Err(stop) = &gate {
        out.line(format!(
            "It would not go for the first time: {}",
            stop.words()
        ));
    }
    if let Some(number) = &number {
        out.line(format!("Number: {number}"));
    }
    out.table(&["field", "value", "made by", "at"], rows);
    match mapped {
        Ok(it) => {
            out.heading("Result");
            out.exact(it.document.to_pretty());
            Ok(0)
        }
        Err(stop) => Err(Failure::refused(format!("it stops: {}", stop.words()))),
    }
}

pub(super) fn test(common: &Common, out: &Out, only: Option<&str>) -> Result<u8, Failure> {
    let offline = offline(common)?;
    let read = |path: &Path| -> io::Result<Vec<u8>> {
        std::fs::read(offline.deployment.folder.join(path))
    };
    let (mut passed, mut failed) = (0, 0);
    let mut done: Vec<&str> = Vec::new();
    for plan in offline.plans.values() {
        let name = plan.route.mapping.as_str();
        if done.contains(&name) || only.is_some_and(|it| it != name) {
            continue;
        }
        done.push(name);
        let settings = offline
            .ends
            .get(&plan.origin)
            .map(|it| it.settings.clone())
            .unwrap_or_default();
        let cx = TestCx {
            read: &read,
            settings: &settings,
            target_settings: &plan.target_settings,
        };
        for result in plan.mapping.tests(&cx) {
            match result.failures.as_slice() {
                [] => passed += 1,
                failures => {
                    failed += 1;
                    out.line(format!(
                        "{} {name}: {}",
                        out.paint("31", "failed"),
                        result.name
                    ));
                    out.line(format!("    at {}", result.at));
                    for failure in failures {
                        out.line(format!("    {failure}"));
                    }
                }
            }
        }
    }
    if let (Some(only), true) = (only, done.is_empty()) {
        return Err(Failure::refused(format!(
            "no route uses a mapping `{only}`"
        )));
    }
    out.line(format!("{passed} mapping tests passed, {failed} failed"));
    Ok(if failed == 0 { 0 } else { 2 })
}
