//! What is done with the product: everything that a person does, on good days and on bad ones.

use std::{fs, io, os::unix::fs::PermissionsExt};

use super::{
    canaries,
    ground::{Ground, Said, TENANT},
    mirror::{ECHOES, GRANT_ECHOES, fetch},
    person,
};

/// How much is done.
pub(super) struct Size {
    /// Echoes that each kind of call meets.
    pub(super) echoes: usize,
    /// Synchronisations while everything is echoed.
    pub(super) syncs: usize,
    /// Ways in which token endpoints echo, and entries of each route and state that are shown.
    pub(super) grants: usize,
}

/// All acts in their order. What did not come to the end that it should is told.
pub(super) fn all(ground: &mut Ground, size: &Size, say: &dyn Fn(&str)) -> io::Result<Vec<String>> {
    let mut wrong = Vec::new();
    say("mistakes in the configuration");
    mistakes(ground, &mut wrong)?;
    say("connecting");
    connecting(ground, size, &mut wrong)?;
    say("synchronising while everything is echoed");
    storm(ground, size, &mut wrong)?;
    say("tokens that are refused, while their endpoint echoes");
    renewals(ground, size, &mut wrong)?;
    say("looking at everything");
    looking(ground, size, &mut wrong)?;
    say("a running engine, asked through its socket");
    service(ground, &mut wrong)?;
    say("giving the consent back");
    undoing(ground, &mut wrong)?;
    Ok(wrong)
}

fn expect(wrong: &mut Vec<String>, what: &str, said: &Said, codes: &[i32], words: &str) {
    let text = format!("{}\n{}", said.stdout, said.stderr);
    if !said.code.is_some_and(|it| codes.contains(&it)) || !text.contains(words) {
        let lines: Vec<&str> = text.lines().filter(|it| !is_log(it)).collect();
        let end = lines[lines.len().saturating_sub(12)..].join("\n");
        wrong.push(format!(
            "{what}: exit code {:?}, not `{words}`: {end}",
            said.code
        ));
    }
}

fn is_log(line: &str) -> bool {
    ["TRACE", "DEBUG", "INFO", "WARN"]
        .iter()
        .any(|it| line.contains(it))
}

fn mistakes(ground: &mut Ground, wrong: &mut Vec<String>) -> io::Result<()> {
    let good = ground.file()?;
    for (name, from, to) in [
        (
            "a secret instead of its place",
            "env = \"CIN7_OMNI_KEY\"",
            "secret = \"@\"",
        ),
        (
            "a secret as a setting",
            "[apps.xero-app]\n",
            "[apps.xero-app]\nsecret = \"@\"\n",
        ),
        (
            "a secret in a line that is no TOML",
            "[apps.xero-app]\n",
            "[apps.xero-app]\nclient-secret = \"@\" \"@\n",
        ),
        (
            "a secret where its name belongs",
            "env = \"CIN7_OMNI_KEY\"",
            "env = \"@\"",
        ),
        (
            "a secret as a text",
            "[connections.omni-au.credentials.password]\n",
            "@inline",
        ),
    ] {
        let bad = match to {
            "@inline" => inline(&good),
            _ => good.replacen(from, &to.replace('@', canaries::INLINE), 1),
        };
        if bad == good {
            wrong.push(format!("{name}: `{from}` is not in the configuration"));
        }
        ground.set_file(&bad)?;
        let said = ground.run(&["check", "--offline"])?;
        let fine = said.code != Some(0);
        if !fine {
            wrong.push(format!("{name}: it was taken"));
        }
    }
    ground.set_file(&good)?;
    let file = ground.programs.config().join(canaries::FILE);
    let mode = |bits: u32| fs::set_permissions(&file, fs::Permissions::from_mode(bits));
    mode(0o644)?;
    let said = ground.run(&["check"])?;
    expect(
        wrong,
        "a secret file that others may read",
        &said,
        &[2, 3, 5],
        "chmod 600",
    );
    mode(0o600)
}

/// The secret as the value itself.
fn inline(good: &str) -> String {
    let table: Result<toml::Table, _> = toml::from_str(good);
    let mut table = table.unwrap_or_default();
    let path = "connections/omni-au/credentials/password";
    crate::processes::set(&mut table, path, canaries::INLINE);
    toml::to_string(&table).unwrap_or_default()
}

/// The address that a person is to open.
fn address(said: &Said) -> io::Result<String> {
    let line = said.stdout.lines().find(|it| it.starts_with("http://"));
    line.map(str::to_owned).ok_or_else(|| {
        let told: Vec<&str> = said.stderr.lines().filter(|it| !is_log(it)).collect();
        io::Error::other(format!("no address to open: {}", told.join("\n")))
    })
}

fn connecting(ground: &mut Ground, size: &Size, wrong: &mut Vec<String>) -> io::Result<()> {
    const CONNECT: [&str; 3] = ["connect", "xero-au", "--no-browser"];
    let paste: Vec<&str> = [&CONNECT[..], &["--paste", "--account", TENANT]].concat();
    // Every way in which the exchange of a code can go wrong.
    for echo in GRANT_ECHOES.into_iter().take(size.grants) {
        let asked = ground.run(&paste)?;
        expect(wrong, "nobody answers", &asked, &[5], "stays open");
        let back = person::allow(&address(&asked)?, TENANT)?;
        ground.mirror.echo_grants(&[echo]);
        let said = ground.run_with(&paste, &format!("{back}\n"))?;
        ground.mirror.echo_grants(&[]);
        if said.code == Some(0) {
            wrong.push("a consent whose code was refused is taken for one".to_owned());
        }
    }
    let asked = ground.run(&paste)?;
    let no = person::cancel(&address(&asked)?)?;
    let said = ground.run_with(&paste, &format!("nonsense\n{no}\n"))?;
    expect(
        wrong,
        "a consent that is refused",
        &said,
        &[5],
        "was not given",
    );
    // Through the browser, with strangers in between.
    let mut listening = ground.start(&[&CONNECT[..], &["--account", TENANT]].concat(), "")?;
    let address = listening.wait_for("response_type=code")?;
    let back = person::allow(&address, TENANT)?;
    let mut pages = String::new();
    for page in [
        format!(
            "{}?error=access_denied&state=wrong&code=wrong",
            ground.redirect
        ),
        back,
    ] {
        pages.push_str(&fetch(&page, None)?.body);
    }
    let said = listening.end()?;
    ground.keep("pages", &pages)?;
    expect(
        wrong,
        "connecting through the browser",
        &said,
        &[0],
        "is now connected",
    );
    // Another consent, pasted; and once more, where nothing is to be done.
    let again: Vec<&str> = [&paste[..], &["--again"]].concat();
    let asked = ground.run(&again)?;
    let back = person::allow(&self::address(&asked)?, TENANT)?;
    let said = ground.run_with(&paste, &format!("{back}\n"))?;
    expect(wrong, "connecting by pasting", &said, &[0], "is connected");
    let said = ground.run(&["check"])?;
    expect(
        wrong,
        "checking what is connected",
        &said,
        // That all is well is asked elsewhere; here it must have been looked at.
        &[0, 4, 5],
        "permissions",
    );
    Ok(())
}

/// Synchronises until each kind of call has met each echo.
fn storm(ground: &mut Ground, size: &Size, wrong: &mut Vec<String>) -> io::Result<()> {
    let sync = ["sync", "--confirm", "--yes", "--json"];
    let first = ground.run(&sync)?;
    expect(wrong, "the first run", &first, &[0, 4], "");
    ground.mirror.echo(&ECHOES[..size.echoes.min(ECHOES.len())]);
    for _ in 0..size.syncs {
        ground.run(&["reset", "--yes", "--route", "omni-credit-notes"])?;
        ground.run(&["retry", "--all", "--yes"])?;
        ground.run(&sync)?;
        if ground.mirror.due() == 0 {
            break;
        }
    }
    ground.run(&["check"])?;
    ground.run(&["--json", "check"])?;
    ground.mirror.echo(&[]);
    Ok(())
}

/// The access token is refused, and so is its renewal.
fn renewals(ground: &mut Ground, size: &Size, wrong: &mut Vec<String>) -> io::Result<()> {
    let refused = [ECHOES[8]; 3];
    for echo in GRANT_ECHOES.into_iter().take(size.grants) {
        ground.mirror.echo(&refused);
        ground.mirror.echo_grants(&[echo, echo, echo]);
        ground.run(&["sync", "--confirm", "--yes"])?;
        ground.mirror.echo_grants(&[]);
    }
    ground.mirror.echo(&[]);
    let said = ground.run(&["connect", "xero-au", "--no-browser", "--paste"])?;
    if said.code != Some(0) {
        let back = person::allow(&address(&said)?, TENANT)?;
        ground.run_with(&["connect", "xero-au", "--paste"], &format!("{back}\n"))?;
    }
    let said = ground.run(&["sync", "--confirm", "--yes"])?;
    expect(wrong, "a run after all is well again", &said, &[0, 4], "");
    Ok(())
}

fn looking(ground: &mut Ground, size: &Size, wrong: &mut Vec<String>) -> io::Result<()> {
    let list = ground.run(&["list", "--json", "--limit", "500"])?;
    let rows: serde_json::Value = serde_json::from_str(&list.stdout).map_err(io::Error::other)?;
    let rows = rows["rows"].as_array().cloned().unwrap_or_default();
    if rows.is_empty() {
        wrong.push("nothing is listed".to_owned());
    }
    // Those that stopped have the most to tell; and one of each route.
    let mut shown = std::collections::BTreeSet::new();
    for row in &rows {
        let text = |it: &serde_json::Value| it.as_str().unwrap_or_default().to_owned();
        let (route, source) = (text(&row[0]["route"]), text(&row[0]["source"]));
        if shown.len() < 3 * size.grants && shown.insert((route.clone(), text(&row[1]["state"]))) {
            let id = format!("{route}/{source}");
            let said = ground.run(&["show", &id])?;
            expect(wrong, "showing an entry", &said, &[0], "");
            ground.run(&["--json", "show", &id])?;
        }
    }
    for command in [
        &["list"][..],
        &["status"],
        &["--json", "status"],
        &["status", "--csv"],
        &["link"],
        &["link", "--export", "-"],
        &["test"],
        &["plugins", "list"],
        &["--json", "plugins", "list"],
        &["store", "check"],
        &["store", "export", "-"],
        &["store", "export", "--secrets", "-"],
        &["sync", "--dry-run"],
        &["check", "--offline"],
    ] {
        let said = ground.run(command)?;
        expect(wrong, &command.join(" "), &said, &[0, 4], "");
    }
    let file = ground.programs.config().join("export.jsonl");
    let name = file.display().to_string();
    let said = ground.run(&["store", "export", "--secrets", &name])?;
    expect(wrong, "an export", &said, &[0], "rows written");
    let mode = fs::metadata(&file)?.permissions().mode() & 0o777;
    if mode != 0o600 {
        wrong.push(format!("an export has mode {mode:o}: others may read it"));
    }
    // Whatever the state folder holds is its owner's alone, by itself or by the folder it lies in.
    for name in ["store", "secrets.key", "ledgerline.sock", "plugins"] {
        let path = ground.programs.config().join("state").join(name);
        let Ok(about) = fs::metadata(&path) else {
            continue;
        };
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            wrong.push(format!("{name} has mode {mode:o}: others may enter"));
        }
    }
    Ok(())
}

fn service(ground: &mut Ground, wrong: &mut Vec<String>) -> io::Result<()> {
    let mut running = ground.start(&["run"], "")?;
    running.wait_for("other commands reach this engine through")?;
    ground.mirror.echo(&ECHOES[..4]);
    for command in [
        &["sync", "--confirm", "--yes"][..],
        &["status"],
        &["--json", "list"],
        &["check"],
        &["connect", "xero-au", "--no-browser", "--paste"],
    ] {
        ground.run(command)?;
    }
    ground.mirror.echo(&[]);
    running.stop()?;
    let said = running.end()?;
    expect(wrong, "the service", &said, &[0, 4, 5], "");
    Ok(())
}

fn undoing(ground: &mut Ground, wrong: &mut Vec<String>) -> io::Result<()> {
    let undo = ["connect", "xero-au", "--undo", "--yes"];
    ground.mirror.echo_grants(&[GRANT_ECHOES[1]]);
    ground.mirror.echo(&ECHOES[..1]);
    ground.run(&undo)?;
    ground.mirror.echo(&[]);
    ground.mirror.echo_grants(&[]);
    let said = ground.run(&undo)?;
    expect(wrong, "giving the consent back", &said, &[0], "");
    // The key that seals is another one than that which sealed.
    let asked = ground.run(&["connect", "xero-au", "--no-browser", "--paste"])?;
    let back = person::allow(&address(&asked)?, TENANT)?;
    ground.run_with(
        &["connect", "xero-au", "--paste", "--account", TENANT],
        &format!("{back}\n"),
    )?;
    let key = ground.programs.config().join("state/secrets.key");
    let kept = fs::read(&key)?;
    fs::remove_file(&key)?;
    let said = ground.run(&["sync", "--confirm"])?;
    expect(
        wrong,
        "a key file that is gone",
        &said,
        &[1, 2, 3, 4, 5],
        "secrets.key",
    );
    fs::write(&key, kept)?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))
}
