//! Deployments that no person would write by hand: so many Omni accounts, each with an organisation in
//! Xero of its own, all through one registered client.

use std::sync::Arc;

use ledgerline::{
    config::{Deployment, SecretRef},
    http::{ChannelSpec, secrets::Secret},
};
use sandbox::{
    Request, Seed, Vendor,
    seed::{KeySeed, OmniAccountSeed, OrganisationSeed},
};

use super::{
    judge::{Allows, Figures},
    one::WAY,
    wire::{Far, Log},
};
use crate::{
    Stage,
    books::{ACCOUNT, ORGANISATION},
    plugins,
};

/// How large a fleet is.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    /// Connections to sources, and as many organisations.
    pub connections: usize,
    /// Credit notes of each.
    pub notes: usize,
    /// Most lines of a credit note.
    pub lines: usize,
    /// Documents in one writing call; the stream's own limit where nothing is said.
    pub batch: Option<u32>,
    /// Calls a minute that the vendor allows the registered client.
    pub app_minute: u32,
    /// Whether any limit holds.
    pub limits: bool,
}

/// The client whose consent reaches every organisation.
const CLIENT: &str = "DEMOWEBAPP00000000000000000000000";
const KEY: &str = "fleet-key";

fn tenant(place: usize) -> String {
    format!("f1ee7000-0000-4000-8000-{place:012}")
}

/// Name of an organisation.
pub(super) fn organisation(place: usize) -> String {
    format!("Fleet {place:04}")
}

fn username(place: usize) -> String {
    format!("fleet{place:04}")
}

impl Fleet {
    /// The vendors.
    pub(super) fn seed(&self) -> Seed {
        let mut seed = Seed::demo().expect("the demo's seed is sound");
        seed.faults.clear();
        seed.keep_calls = Some(0);
        seed.core.accounts.clear();
        seed.zudello.teams.clear();
        seed.xero.consents.clear();
        let books = seed.xero.organisations.remove(0);
        let shop = seed.omni.accounts.remove(0);
        assert_eq!(
            (books.name.as_str(), shop.username.as_str()),
            (ORGANISATION, ACCOUNT)
        );
        seed.xero.organisations = (0..self.connections)
            .map(|it| self.books(&books, it))
            .collect();
        seed.omni.accounts = (0..self.connections)
            .map(|it| self.shop(&shop, it))
            .collect();
        seed
    }

    fn books(&self, of: &OrganisationSeed, place: usize) -> OrganisationSeed {
        let mut books = of.clone();
        books.name = organisation(place);
        books.tenant_id = tenant(place).parse().ok();
        books.short_code = format!("!f{place:04}");
        books.credit_notes.clear();
        books.limits.on = self.limits;
        books.limits.app_minute = self.app_minute;
        books
    }

    fn shop(&self, of: &OmniAccountSeed, place: usize) -> OmniAccountSeed {
        let mut shop = of.clone();
        shop.username = username(place);
        shop.books = organisation(place);
        let mut key = KeySeed {
            key: KEY.to_owned(),
            ..KeySeed::default()
        };
        key.limits.on = self.limits;
        shop.keys = vec![key];
        shop.customers.clear();
        shop.credit_notes.clear();
        plain(&mut shop);
        shop.generate.contacts = 5;
        shop.generate.credit_notes = self.notes;
        shop.generate.lines = self.lines;
        shop.generate.seed = place as u64;
        shop
    }

    /// The deployment.
    pub(super) fn tweak(self) -> impl Fn(&mut Deployment) + Send + Sync + 'static {
        move |deployment| self.deploy(deployment)
    }

    fn deploy(&self, deployment: &mut Deployment) {
        let omni = deployment.connections.remove("omni-au").expect("Omni");
        let xero = deployment.connections.remove("xero-au").expect("Xero");
        let env = &mut deployment.demo.as_mut().expect("the demonstration").env;
        env.insert("XERO_CLIENT_SECRET".into(), "demo-web-secret".into());
        env.insert("FLEET_KEY".into(), KEY.into());
        let app = deployment.apps.get_mut("xero-app").expect("the app");
        app.grant = "authorization-code".into();
        app.client_id = CLIENT.into();
        app.scopes = None;
        let over = app.budget.entry("app".into()).or_default();
        // Zero lifts a limit.
        over.minute = Some(if self.limits { self.app_minute } else { 0 });
        let routes = std::mem::take(&mut deployment.routes);
        for place in 0..self.connections {
            let mut source = omni.clone();
            source.name = format!("omni-{place}");
            let user = format!("FLEET_USER_{place}");
            source.credentials = [("username", user.as_str()), ("password", "FLEET_KEY")]
                .map(|(field, name)| (field.to_owned(), SecretRef::Env(name.to_owned())))
                .into();
            env.insert(user, username(place));
            let mut target = xero.clone();
            target.name = format!("xero-{place}");
            target.account = Some(tenant(place));
            if !self.limits {
                for budget in [&mut source.budget, &mut target.budget] {
                    let over = budget.entry("account".into()).or_default();
                    (over.second, over.minute, over.day) = (Some(0), Some(0), Some(0));
                }
            }
            let own = |name: &str| format!("{name}-{place}");
            for route in routes.values().filter(|it| it.name.starts_with("omni-")) {
                let mut route = route.clone();
                route.name = own(&route.name);
                for end in [&mut route.from, &mut route.to] {
                    end.connection = match end.connection.as_str() {
                        "omni-au" => source.name.clone(),
                        "xero-au" => target.name.clone(),
                        other => other.to_owned(),
                    };
                }
                if route.from.followed_route().is_some() {
                    route.from.stream = own(&route.from.stream);
                }
                route.after.iter_mut().for_each(|it| *it = own(it));
                route.links.values_mut().for_each(|it| *it = own(it));
                if route.to.stream == "credit_notes" && route.to.connection == target.name {
                    route.batch = self.batch;
                }
                deployment.routes.insert(route.name.clone(), route);
            }
            deployment.connections.insert(source.name.clone(), source);
            deployment.connections.insert(target.name.clone(), target);
        }
    }

    /// A person allows the client to reach every organisation.
    pub(super) async fn consent(&self, stage: &Stage) {
        let deployment = stage.engine.deployment();
        let connection = &deployment.connections["xero-0"];
        let app = &deployment.apps["xero-app"];
        let registry = plugins(deployment);
        let plugin = registry.for_connection("xero-0").expect("the plugin");
        let spec = ChannelSpec {
            connection,
            app: Some(app),
            manifest: plugin.manifest(),
            pin: connection.account.clone(),
        };
        let consent = stage.network.consent(spec);
        let consent = consent
            .expect("a sound connection")
            .expect("an app that asks people");
        let asked = consent.ask(&app.redirect).expect("randomness");
        let mut form = "signed-in=yes&decision=allow".to_owned();
        for place in 0..self.connections {
            form.push_str(&format!("&tenant={}", tenant(place)));
        }
        let query = asked.url.query().unwrap_or_default();
        let target = format!("{}?{query}", asked.url.path());
        let request = Request::new("POST", &target)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        let reply = stage.world.handle(&request);
        let back = reply.headers.iter().find(|(name, _)| name == "Location");
        let (_, back) = back.unwrap_or_else(|| panic!("no way back: {reply:?}"));
        let code = back
            .split(['?', '&'])
            .find_map(|it| it.strip_prefix("code="))
            .unwrap_or_else(|| panic!("no code: {back}"));
        consent
            .exchange_code(&Secret::new(code), &asked.verifier, &app.redirect)
            .await
            .expect("tokens");
    }

    fn allowed(&self) -> Vec<Allows> {
        let minute = |vendor, calls, fixed, shared| Allows {
            vendor,
            calls,
            window: 60_000,
            fixed,
            shared,
        };
        vec![
            minute(Vendor::Xero, u64::from(self.app_minute), true, true),
            minute(Vendor::Xero, 60, true, false),
            minute(Vendor::Omni, 60, false, false),
            Allows {
                calls: 3,
                window: 1_000,
                ..minute(Vendor::Omni, 3, false, false)
            },
        ]
    }

    /// Everything that is missing or there twice.
    pub(super) fn faults(&self, stage: &Stage) -> Vec<String> {
        let mut faults: Vec<String> = (0..self.connections)
            .map(organisation)
            .map(|it| (stage.world.xero(&it).credit_note_count(), it))
            .filter(|(count, _)| *count != self.notes)
            .map(|(count, it)| format!("{it} holds {count} credit notes of {}", self.notes))
            .collect();
        let twice = stage.world.duplicates();
        faults.extend(twice.iter().map(|it| format!("twice: {it:?}")));
        faults
    }
}

/// Credit notes that nothing at all is odd about, so that every one of them must arrive.
pub(super) fn plain(shop: &mut OmniAccountSeed) {
    let generate = &mut shop.generate;
    for share in [
        &mut generate.foreign,
        &mut generate.inclusive,
        &mut generate.exempt,
        &mut generate.freight,
        &mut generate.surcharge,
        &mut generate.discount,
        &mut generate.kits,
        &mut generate.fine_prices,
        &mut generate.other_accounts,
    ] {
        *share = 0;
    }
}

/// Credit notes of all accounts reach all organisations: what that costs, and what is wrong with it.
pub async fn fleet(fleet: Fleet) -> (Figures, Vec<String>) {
    let log = Log::default();
    let kept = log.clone();
    let stage = Stage::through(
        fleet.seed(),
        Box::new(move |world| Arc::new(Far::new(world, 13, WAY, kept.clone()))),
        Box::new(fleet.tweak()),
    )
    .await;
    fleet.consent(&stage).await;
    let report = stage.sync().await;
    let figures = Figures::of(&log.seen(), &fleet.allowed());
    let mut faults = fleet.faults(&stage);
    if figures.refused > 0 {
        faults.push(format!("calls were refused: {:?}", figures.refused_by));
    }
    if report.unfinished || !report.parked.is_empty() {
        faults.push(format!("it did not end: {:?}", report.parked));
    }
    (figures, faults)
}
