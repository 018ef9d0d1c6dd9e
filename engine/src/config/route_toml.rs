//! `routes/NAME.toml` as written.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use toml::Spanned;

use super::{
    checked::{
        Endpoint, Fares, GROUPS, OUTCOMES, Replace, Rounding, RoundingPolicy, Route, Trigger,
        Unmatched, Voids,
    },
    findings::Places,
    reader::{Keyed, Reader, as_written},
    values::check_range,
};

as_written! {
    /// A route.
    struct RouteToml {
        /// Where documents come from: { connection = "NAME", stream = "NAME" }.
        required from: EndpointToml,
        /// Where they go: { connection = "NAME", stream = "NAME" }.
        required to: EndpointToml,
        /// Name of a file below mappings/, without its ending.
        required mapping: Spanned<String>,
        /// When it runs: "manual", "every 5m" or "cron 0 6 * * *".
        optional trigger: Trigger,
        /// Routes that go first.
        optional after: Vec<Spanned<String>>,
        /// Routes that read the same stream: each document goes by one of them at most. Where one of them
        /// makes groups, what goes into a group goes by no other.
        optional beside: Vec<Spanned<String>>,
        /// jq over the source document: the number that the document keeps for life.
        optional number: Spanned<String>,
        /// Documents are not sent one by one: they are put into groups, which other routes read.
        optional group: Spanned<GroupToml>,
        /// jq over the source document: numbers, one or a list, under which the source's own link may have
        /// put a document into the target that it marks as imported. Only looked for, never given.
        optional imported_number: Spanned<String>,
        /// Link of the mapping = route whose entries are the links.
        optional links: Keyed<Spanned<String>>,
        /// What happens to cents.
        optional rounding: Spanned<RoundingToml>,
        /// Rows that replace or add to those of a shared table, for this route alone.
        optional tables: Keyed<Keyed<serde_json::Value>>,
        /// Values of the mapping's options.
        optional options: Keyed<Spanned<serde_json::Value>>,
        /// What a route that follows another one reads of it: "synced" (the default), "waiting", "warning".
        /// "credit" or "additional", alone: the difference of a document that its target does not let change,
        /// once a person wants a document of it.
        optional outcomes: Spanned<Vec<Fares>>,
        /// What happens to a document that nothing in the target matches: "ask" or "create".
        optional unmatched: Unmatched,
        /// Offer a document only once a document of another route needs it.
        optional only_when_needed: bool,
        /// Fields of a linked document of the target that follow the source when it alone changes them; of
        /// routes whose mapping has [match]. Empty: none.
        optional push_changes: Vec<Spanned<String>>,
        /// Amounts of approved documents in the target may be changed.
        optional update_approved: bool,
        /// How posted documents follow a change: "update" changes them, "reverse" reverses and replaces them.
        optional replace: Replace,
        /// What becomes of a document whose source document is void or deleted: "ask", "drafts" or "always".
        optional voids: Voids,
        /// The first live run needs no --confirm.
        optional confirmed: bool,
        /// Documents in one call at most.
        optional batch: Spanned<u32>,
        /// How often a passing fault is tried before a person is asked.
        optional attempts: Spanned<u32>,
        /// false switches the route off.
        optional enabled: bool,
    }
    renamed {
        "source" => "from",
        "target" => "to",
        "schedule" => "trigger",
        "depends-on" => "after",
        "map" => "mapping",
        "retries" => "attempts",
    }
}

as_written! {
    /// One end of a route.
    struct EndpointToml {
        /// Name of a connection in ledgerline.toml; "outcomes" to follow a route; "groups" for groups of
        /// documents.
        required connection: Spanned<String>,
        /// Name of a stream of its plugin; after "outcomes" the name of the route; after "groups" a name of
        /// your own for them.
        required stream: Spanned<String>,
    }
    renamed { "route" => "stream" }
}

as_written! {
    /// Documents are put into groups.
    struct GroupToml {
        /// jq over the source document: the group that it belongs to, as text. Null: none.
        required by: Spanned<String>,
    }
    renamed { "key" => "by" }
}

as_written! {
    /// What happens to cents.
    struct RoundingToml {
        /// "hold", "tax-amounts" or "line".
        required policy: RoundingPolicy,
        /// Largest difference that may be mended, as text: "0.02".
        required limit: Spanned<Decimal>,
        /// Account of the rounding line, for the policy "line".
        optional account: String,
    }
}

impl EndpointToml {
    fn check(&self) -> Option<Endpoint> {
        Some(Endpoint {
            connection: self.connection.as_ref()?.get_ref().clone(),
            stream: self.stream.as_ref()?.get_ref().clone(),
        })
    }
}

impl RouteToml {
    /// Tells what is wrong with the route alone; what it shares with connections, mappings and
    /// other routes is checked in `rules`.
    pub(super) fn check(
        &self,
        name: &str,
        places: Places,
        reader: &mut Reader<'_>,
    ) -> Option<Route> {
        if let Some(number) = &self.number
            && number.get_ref().trim().is_empty()
        {
            let help = "leave it out to use the document's id".to_owned();
            reader.problem(number.span(), "the number is empty", "empty", help);
        }
        if let Some(number) = &self.imported_number
            && number.get_ref().trim().is_empty()
        {
            let help = "leave it out where such documents have the route's own numbers".to_owned();
            reader.problem(number.span(), "the number is empty", "empty", help);
        }
        self.group(reader);
        check_range(self.batch.as_ref(), 1..=1000, "1 to 1000", reader);
        check_range(self.attempts.as_ref(), 1..=100, "1 to 100", reader);
        for (option, written) in self.options.iter().flatten() {
            if written.value.get_ref().is_object() || written.value.get_ref().is_array() {
                let message =
                    format!("the option `{option}` is text, a whole number, true or false");
                reader.problem(written.value.span(), message, "none of these", None);
            }
        }
        let outcomes = self.outcomes(reader);
        let rounding = self.rounding(reader);
        let text = |it: &Spanned<String>| it.get_ref().clone();
        Some(Route {
            name: name.to_owned(),
            file: reader.file.clone(),
            from: self.from.as_ref()?.check()?,
            to: self.to.as_ref()?.check()?,
            mapping: text(self.mapping.as_ref()?),
            trigger: self.trigger.clone().unwrap_or(Trigger::Manual),
            after: self.after.iter().flatten().map(text).collect(),
            beside: self.beside.iter().flatten().map(text).collect(),
            number: self.number.as_ref().map(text),
            group_by: (self.group.as_ref())
                .and_then(|it| it.get_ref().by.as_ref())
                .map(text),
            imported_number: self.imported_number.as_ref().map(text),
            links: by_name(self.links.as_ref(), text),
            rounding,
            tables: by_name(self.tables.as_ref(), |rows| {
                by_name(Some(rows), Clone::clone)
            }),
            options: by_name(self.options.as_ref(), |it| it.get_ref().clone()),
            outcomes,
            unmatched: self.unmatched.unwrap_or(Unmatched::Ask),
            only_when_needed: self.only_when_needed.unwrap_or(false),
            push_changes: self.push_changes.iter().flatten().map(text).collect(),
            update_approved: self.update_approved.unwrap_or(false),
            replace: self.replace.unwrap_or(Replace::Update),
            voids: self.voids.unwrap_or(Voids::Ask),
            confirmed: self.confirmed.unwrap_or(false),
            batch: self.batch.as_ref().map(|it| *it.get_ref()),
            attempts: self.attempts.as_ref().map_or(8, |it| *it.get_ref()),
            enabled: self.enabled.unwrap_or(true),
            places,
        })
    }

    /// What is put into groups goes to groups, and is no document of its own there.
    fn group(&self, reader: &mut Reader<'_>) {
        let to = self.to.as_ref().and_then(|it| it.connection.as_ref());
        let into_groups = to.is_some_and(|it| it.get_ref() == GROUPS);
        if let Some(by) = self.group.as_ref().and_then(|it| it.get_ref().by.as_ref())
            && by.get_ref().trim().is_empty()
        {
            let help = "an expression that gives the name of the group".to_owned();
            reader.problem(by.span(), "nothing says which group", "empty", help);
        }
        match (&self.group, to) {
            (Some(group), _) if !into_groups => {
                let message = "a route that makes groups goes to `groups`";
                let help = "write to = { connection = \"groups\", stream = \"NAME\" }, and a route \
                            from there into the target";
                reader.problem(group.span(), message, "goes elsewhere", help.to_owned());
            }
            (None, Some(to)) if into_groups => {
                let message = "nothing says which group a document belongs to";
                let help = "add [group] with by = \"…\"".to_owned();
                reader.problem(to.span(), message, "no [group] in here", help);
            }
            _ => {}
        }
        if let (true, Some(number)) = (into_groups, &self.number) {
            let message = "a document has no number of its own in a group";
            let help = "remove it; the route that reads the groups may give numbers".to_owned();
            reader.problem(number.span(), message, "not here", help);
        }
    }

    /// A route that follows another one is told what arrived, unless it says otherwise.
    fn outcomes(&self, reader: &mut Reader<'_>) -> Vec<Fares> {
        let Some(written) = &self.outcomes else {
            return vec![Fares::Synced];
        };
        let follows = self.from.as_ref().and_then(|it| it.connection.as_ref());
        if follows.is_some_and(|it| it.get_ref() != OUTCOMES) {
            let help =
                "remove it, or write from = { connection = \"outcomes\", stream = \"ROUTE\" }";
            let message = "only a route that follows another one reads its outcomes";
            reader.problem(written.span(), message, "follows none", help.to_owned());
        } else if written.get_ref().is_empty() {
            let help =
                "name \"synced\", \"waiting\" or \"warning\"; enabled = false switches a route off";
            let message = "a route that reads no outcomes does nothing";
            reader.problem(written.span(), message, "empty", help.to_owned());
        } else if written.get_ref().len() > 1
            && (written.get_ref().iter()).any(|it| matches!(it, Fares::Credit | Fares::Additional))
        {
            let help = "write a route for each, with a mapping of its own";
            let message = "\"credit\" and \"additional\" are other documents than outcomes";
            reader.problem(written.span(), message, "not together", help.to_owned());
        }
        written.get_ref().clone()
    }

    /// Without a policy of its own a route holds whatever does not agree to the cent.
    fn rounding(&self, reader: &mut Reader<'_>) -> Rounding {
        let hold = Rounding {
            policy: RoundingPolicy::Hold,
            limit: Decimal::ZERO,
            account: None,
        };
        let Some(written) = &self.rounding else {
            return hold;
        };
        let it = written.get_ref();
        check_range(
            it.limit.as_ref(),
            Decimal::ZERO..=Decimal::ONE,
            "\"0\" to \"1\"",
            reader,
        );
        if let Some(limit) = &it.limit
            && limit.get_ref().normalize().scale() > 4
        {
            reader.problem(
                limit.span(),
                "a limit has at most four decimals",
                "too many",
                None,
            );
        }
        if it.policy == Some(RoundingPolicy::Line) && it.account.is_none() {
            reader.problem(
                written.span(),
                "a rounding line needs an account",
                "no `account` in here",
                "add account = \"…\": the account of the target that takes rounding".to_owned(),
            );
        }
        Rounding {
            policy: it.policy.unwrap_or(hold.policy),
            limit: it.limit.as_ref().map_or(hold.limit, |it| *it.get_ref()),
            account: it.account.clone(),
        }
    }
}

fn by_name<T, U>(written: Option<&Keyed<T>>, value: impl Fn(&T) -> U) -> BTreeMap<String, U> {
    let all = written.into_iter().flatten();
    all.map(|(name, it)| (name.clone(), value(&it.value)))
        .collect()
}
