//! One organisation: how many calls it takes, and how long several sources into it take.

use ledgerline::{config::Deployment, store::State};
use sandbox::{Seed, Vendor};

use super::{
    fleet::plain,
    judge::{Allows, Figures},
    wire::{Far, Log},
};
use crate::{
    Stage,
    books::{NOTES, ORGANISATION},
};

const MINUTE: i64 = 60_000;

/// Each way takes so many milliseconds: no two calls the same, so that they overtake each other.
pub(super) const WAY: std::ops::RangeInclusive<u64> = 5..=200;

/// Credit notes of each source.
#[derive(Debug, Clone, Copy)]
pub struct Sources {
    /// Of Omni, which gives 250 in a call.
    pub omni: usize,
    /// Of Core, which gives one.
    pub core: usize,
    /// Of Zudello, which takes three or four for each.
    pub zudello: usize,
    /// Documents in one writing call; the stream's own limit where nothing is said.
    pub batch: Option<u32>,
    /// How far into the minute of the wall clock the run begins, in seconds.
    pub into_the_minute: u64,
}

/// Credit notes of Omni alone reach Xero: what that costs, and what is wrong with it.
pub async fn calls(notes: usize) -> (Figures, Vec<String>) {
    let only = Sources {
        omni: notes,
        core: 0,
        zudello: 0,
        batch: None,
        into_the_minute: 0,
    };
    let (figures, mut faults) = sources(only).await;
    // Full calls, and two more.
    let most = notes.div_ceil(50) + 2;
    if figures.xero_writes > most {
        faults.push(format!(
            "{} writing calls, {most} allowed",
            figures.xero_writes
        ));
    }
    (figures, faults)
}

/// Credit notes of several sources reach one organisation.
pub async fn sources(sources: Sources) -> (Figures, Vec<String>) {
    let log = Log::default();
    let kept = log.clone();
    let stage = Stage::through(
        sources.seed(),
        Box::new(move |world| std::sync::Arc::new(Far::new(world, 11, WAY, kept.clone()))),
        Box::new(move |deployment| sources.deploy(deployment)),
    )
    .await;
    stage
        .pass(std::time::Duration::from_secs(sources.into_the_minute))
        .await;
    let report = stage.sync().await;
    let figures = Figures::of(&log.seen(), &sources.allowed());
    let mut faults = sources.faults(&stage).await;
    if figures.refused > 0 {
        faults.push(format!("calls were refused: {:?}", figures.refused_by));
    }
    let counted: u64 = stage
        .world
        .counts()
        .get(&Vendor::Xero)
        .and_then(|it| it.get(&sandbox::calls::CallKind::Writing))
        .copied()
        .unwrap_or_default();
    if counted != figures.xero_writes as u64 {
        faults.push(format!(
            "the network carried {} writing calls, Xero saw {counted}",
            figures.xero_writes
        ));
    }
    if report.unfinished || !report.parked.is_empty() {
        faults.push(format!("it did not end: {:?}", report.parked));
    }
    (figures, faults)
}

impl Sources {
    fn seed(&self) -> Seed {
        let mut seed = Seed::demo().expect("the demo's seed is sound");
        seed.faults.clear();
        seed.keep_calls = Some(0);
        for organisation in &mut seed.xero.organisations {
            organisation.credit_notes.clear();
        }
        for shop in &mut seed.omni.accounts {
            shop.customers.clear();
            shop.credit_notes.clear();
            plain(shop);
            shop.generate.credit_notes = self.omni;
        }
        if self.core == 0 {
            seed.core.accounts.clear();
        }
        for company in &mut seed.core.accounts {
            company.customers.clear();
            company.credit_notes.clear();
            company.generate.credit_notes = self.core;
            company.generate.sales = Some(0);
            company.generate.currencies.clear();
        }
        if self.zudello == 0 {
            seed.zudello.teams.clear();
        }
        for team in &mut seed.zudello.teams {
            team.customers.clear();
            team.credit_notes.clear();
            team.generate.credit_notes = self.zudello;
            team.generate.others = 0;
            for key in &mut team.keys {
                key.limits.on = true;
                key.limits.second = ZUDELLO_SECOND;
                key.limits.minute = 1_000_000;
                key.limits.day = 1_000_000;
            }
        }
        seed
    }

    fn deploy(&self, deployment: &mut Deployment) {
        // Nobody else uses Core's key here, so all of its calls are ours.
        if let Some(core) = deployment.connections.get_mut("core-au") {
            core.budget.entry("account".into()).or_default().minute = Some(60);
        }
        for route in deployment.routes.values_mut() {
            if route.to.connection == "xero-au" && route.to.stream == "credit_notes" {
                route.batch = self.batch;
            }
        }
    }

    fn allowed(&self) -> Vec<Allows> {
        let own = |vendor, calls, window, fixed| Allows {
            vendor,
            calls,
            window,
            fixed,
            shared: false,
        };
        vec![
            own(Vendor::Xero, 60, MINUTE, true),
            own(Vendor::Omni, 60, MINUTE, false),
            own(Vendor::Omni, 3, 1_000, false),
            own(Vendor::Core, 60, MINUTE, false),
            own(Vendor::Zudello, ZUDELLO_SECOND as u64, 1_000, false),
        ]
    }

    async fn faults(&self, stage: &Stage) -> Vec<String> {
        let mut faults = Vec::new();
        let routes = [
            (NOTES, self.omni),
            ("core-credit-notes", self.core),
            ("zudello-credit-notes", self.zudello),
        ];
        for (route, wanted) in routes.into_iter().filter(|(_, wanted)| *wanted > 0) {
            let synced = stage.ids(route, State::Synced).await.len();
            if synced != wanted {
                faults.push(format!(
                    "{route}: {:?} of {wanted}",
                    stage.states(route).await
                ));
            }
        }
        let held = stage.world.xero(ORGANISATION).credit_note_count();
        let wanted = self.omni + self.core + self.zudello;
        if held != wanted {
            faults.push(format!("{held} credit notes of {wanted} are in Xero"));
        }
        let twice = stage.world.duplicates();
        faults.extend(twice.iter().map(|it| format!("twice: {it:?}")));
        faults
    }
}

/// What the deployment says of Zudello, and what its stand-in then holds us to.
const ZUDELLO_SECOND: usize = 10;
