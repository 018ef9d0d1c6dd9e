//! Small worlds: organisation and Omni account of the demonstration, with only the customers and
//! credit notes that a test puts there, and short ways to look at what the vendors hold.

use rust_decimal::Decimal;
use sandbox::{
    Seed,
    seed::{Counterpart, CustomerSeed, Generate},
};
use serde_json::{Value, json};

use crate::Stage;
use ledgerline::{
    operate::{Answer, Bulk, Changed, Request, SyncReport, SyncRequest},
    store::{Entry, Filter, State},
};

/// The Xero organisation.
pub const ORGANISATION: &str = "Harbour Goods Pty Ltd";
/// User name of the Omni account.
pub const ACCOUNT: &str = "HarbourGoodsAU";
/// The route of credit notes.
pub const NOTES: &str = "omni-credit-notes";
/// The route that links customers.
pub const CUSTOMERS: &str = "omni-customers";
/// The route that marks credit notes as imported.
pub const IMPORTED: &str = "omni-imported";

/// The demonstration's world with these customers alone: the first has the id 1001.
pub fn seed(customers: &[(&str, Counterpart)]) -> Seed {
    let mut seed = Seed::demo().expect("the demo's seed is sound");
    seed.faults.clear();
    seed.core.accounts.clear();
    seed.zudello.teams.clear();
    for organisation in &mut seed.xero.organisations {
        organisation.credit_notes.clear();
    }
    for account in &mut seed.omni.accounts {
        account.customers = customers
            .iter()
            .map(|(company, xero)| CustomerSeed {
                company: (*company).to_owned(),
                xero: *xero,
                ..CustomerSeed::default()
            })
            .collect();
        account.generate = Generate {
            contacts: 0,
            credit_notes: 0,
            ..Generate::default()
        };
        account.credit_notes.clear();
    }
    seed
}

/// One customer, whom Xero has for certain: Harrow & Pike, 1001.
pub fn one_customer() -> Seed {
    seed(&[("Harrow & Pike", Counterpart::ById)])
}

/// Harrow & Pike's id in Xero, where [`posted_by_hand`] has put it.
pub const HARROW: &str = "aaaaaaaa-0000-4000-8000-000000000001";

/// As [`one_customer`], with a credit note in Xero that nobody announced: the document that note 7
/// would make, merged with `patch`.
pub fn posted_by_hand(patch: Value) -> Seed {
    let mut seed = seed(&[("Harrow & Pike", Counterpart::Absent)]);
    for customer in seed
        .omni
        .accounts
        .iter_mut()
        .flat_map(|it| &mut it.customers)
    {
        customer.patch = to_json(json!({ "accountingIntegrationId": { "xero": HARROW } }));
    }
    let mut note = json!({
        "Type": "ACCRECCREDIT",
        "CreditNoteNumber": "7 CRN-7",
        "Reference": "SO-7",
        "Contact": { "ContactID": HARROW },
        "Date": "2026-11-09",
        "Status": "AUTHORISED",
        "LineAmountTypes": "Exclusive",
        "LineItems": [{
            "Description": "Mug", "Quantity": "2", "UnitAmount": "20", "AccountCode": "200",
            "TaxType": "OUTPUT",
        }],
    });
    merge(&mut note, patch);
    for organisation in &mut seed.xero.organisations {
        let contact = json!({ "ContactID": HARROW, "Name": "Harrow & Pike" });
        organisation.contacts.push(to_json(contact));
        organisation.credit_notes.push(to_json(note.clone()));
    }
    seed
}

/// A value in the form that seeds have.
pub fn to_json(value: Value) -> sandbox::json::Json {
    sandbox::json::Json::parse(&value.to_string()).expect("JSON")
}

/// A credit note that nothing is wrong with: two mugs at 20.00, 10 % tax on top, 44.00 in all, dated
/// 9 November 2026, of customer 1001. Its id is 5000 + `serial`.
pub fn note(serial: i64, patch: Value) -> Value {
    let mut note = json!({
        "id": 5000 + serial,
        "createdDate": "2026-11-08T22:14:09Z",
        "reference": format!("CRN-{serial}"),
        "status": "APPROVED",
        "isApproved": true,
        "salesReference": format!("SO-{serial}"),
        "creditNoteNumber": serial,
        "creditNoteDate": "2026-11-08T13:00:00Z",
        "completedDate": "2026-11-10T22:05:00Z",
        "memberId": 1001,
        "company": "Harrow & Pike",
        "branchId": 3,
        "alternativeAccountCode": "",
        "currencyCode": "AUD",
        "currencyRate": 1.0,
        "taxStatus": "Excl",
        "taxRate": 10.0,
        "productTotal": -40.0,
        "freightTotal": 0,
        "freightDescription": "",
        "surcharge": 0,
        "surchargeDescription": "",
        "discountTotal": 0,
        "discountDescription": "",
        "total": -44.0,
        "accountingAttributes": { "importDate": null, "accountingImportStatus": "NotImported" },
        "customFields": { "orders_1000": "North", "orders_1001": "Wholesale" },
        "lineItems": [line("Mug", -2, "20.0", json!({}))],
    });
    merge(&mut note, patch);
    note
}

/// A line of a credit note. `price` is text, so that it stays exact.
pub fn line(name: &str, quantity: i64, price: &str, patch: Value) -> Value {
    let mut line = json!({
        "parentId": 0,
        "code": name.to_uppercase(),
        "name": name,
        "qty": quantity,
        "unitPrice": number(price),
        "discount": 0,
        "accountCode": "",
    });
    merge(&mut line, patch);
    line
}

/// Exact text as a JSON number.
pub fn number(text: &str) -> Value {
    serde_json::from_str(text).expect("a number")
}

fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

/// An exact amount of what the vendors show, a number or text.
pub fn money(value: &Value) -> Decimal {
    let text = match value {
        Value::String(it) => it.clone(),
        other => other.to_string(),
    };
    text.parse()
        .unwrap_or_else(|why| panic!("{value} is no amount: {why}"))
}

/// As [`money`], rounded to cents as the books do.
pub fn cents(value: &Value) -> Decimal {
    money(value).round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
}

/// An exact amount.
pub fn dec(text: &str) -> Decimal {
    text.parse().expect("an amount")
}

/// The lines of a Xero document as `ACCOUNT TAXTYPE QUANTITY AMOUNT TAX`.
pub fn lines_of(note: &Value) -> Vec<String> {
    let text = |line: &Value, field: &str| line[field].as_str().unwrap_or("-").to_owned();
    let plain = |line: &Value, field: &str| money(&line[field]).normalize().to_string();
    note["LineItems"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|it| {
            format!(
                "{} {} {} {} {}",
                text(it, "AccountCode"),
                text(it, "TaxType"),
                plain(it, "Quantity"),
                plain(it, "LineAmount"),
                plain(it, "TaxAmount"),
            )
        })
        .collect()
}

impl Stage {
    /// Somebody saves a credit note in Omni.
    pub fn put(&self, mut note: Value) {
        if note["modifiedDate"].is_null() {
            // A minute ago: a pull leaves what is younger to the next one.
            let minute = std::time::Duration::from_secs(60);
            let at = self.world.now() - minute;
            note["modifiedDate"] = json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        }
        self.world
            .omni(ACCOUNT)
            .put("CreditNotes", note)
            .expect("the account is there");
    }

    /// Somebody changes a credit note in Omni.
    pub fn change(&self, serial: i64, patch: Value) {
        let id = (5000 + serial).to_string();
        self.world
            .omni(ACCOUNT)
            .edit("CreditNotes", &id, patch)
            .expect("the note is there");
    }

    /// Somebody changes something in Xero: `credit_notes`, `contacts`, `accounts`, `organisation`.
    pub fn change_xero(&self, kind: &str, id: &str, patch: Value) {
        self.world
            .xero(ORGANISATION)
            .edit(kind, id, patch)
            .expect("it is there");
    }

    /// Somebody changes one line of a credit note in Xero.
    pub fn change_xero_line(&self, number: &str, line: usize, patch: Value) {
        let edit = sandbox::edit::Edit {
            vendor: sandbox::Vendor::Xero,
            account: ORGANISATION.to_owned(),
            kind: "credit_notes".to_owned(),
            id: number.to_owned(),
            line: Some(line),
            patch: to_json(patch),
            quiet: false,
        };
        self.world.edit(&edit).expect("the line is there");
    }

    /// Retries everything on a route that is stopped.
    pub async fn retry(&self, route: &str) -> Changed {
        let filter = Filter {
            routes: vec![route.to_owned()],
            ..Filter::default()
        };
        self.bulk(Request::Retry, filter).await
    }

    /// A change to many entries.
    pub async fn bulk(&self, verb: fn(Bulk) -> Request, filter: Filter) -> Changed {
        let bulk = Bulk {
            filter,
            reason: Some("said by the test".into()),
            count_only: false,
        };
        match self.ask(verb(bulk)).await {
            Answer::Changed(it) => it,
            other => panic!("{other:?}"),
        }
    }

    /// A run a little later, everything confirmed.
    pub async fn next(&self) -> SyncReport {
        self.pass(std::time::Duration::from_secs(60)).await;
        self.sync().await
    }

    /// A run a little later, of the kind that `request` says.
    pub async fn next_with(&self, request: SyncRequest) -> SyncReport {
        self.pass(std::time::Duration::from_secs(60)).await;
        self.sync_with(request).await
    }

    /// A credit note as Omni holds it.
    pub fn omni_note(&self, serial: i64) -> Value {
        let notes = self.world.omni(ACCOUNT).credit_notes();
        let found = notes
            .into_iter()
            .find(|it| it["id"] == json!(5000 + serial));
        found.unwrap_or_else(|| panic!("Omni holds no credit note {serial}"))
    }

    /// What Omni shows as its accounting import status.
    pub fn import_status(&self, serial: i64) -> String {
        let note = self.omni_note(serial);
        let status = &note["accountingAttributes"]["accountingImportStatus"];
        status.as_str().unwrap_or_default().to_owned()
    }

    /// Credit notes that Xero holds.
    pub fn xero_notes(&self) -> Vec<Value> {
        self.world.xero(ORGANISATION).credit_notes()
    }

    /// Numbers of the credit notes that Xero holds, in order.
    pub fn xero_numbers(&self) -> Vec<String> {
        let notes = self.xero_notes();
        let mut numbers: Vec<String> = notes
            .iter()
            .map(|it| {
                it["CreditNoteNumber"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        numbers.sort();
        numbers
    }

    /// The credit note that Xero holds under the number that `serial` gives without a prefix.
    pub fn xero_note(&self, serial: i64) -> Value {
        let number = format!("{serial} CRN-{serial}");
        let found = self.world.xero(ORGANISATION).credit_note(&number);
        found.unwrap_or_else(|| panic!("Xero holds no {number}: {:?}", self.xero_numbers()))
    }

    /// A contact that Xero holds.
    pub fn xero_contact(&self, name: &str) -> Value {
        let contacts = self.world.xero(ORGANISATION).contacts();
        let found = contacts.into_iter().find(|it| it["Name"] == json!(name));
        found.unwrap_or_else(|| panic!("Xero holds no contact {name}"))
    }

    /// The credit note that Xero holds under a number.
    pub fn xero_numbered(&self, number: &str) -> Value {
        let found = self.world.xero(ORGANISATION).credit_note(number);
        found.unwrap_or_else(|| panic!("Xero holds no {number}: {:?}", self.xero_numbers()))
    }

    /// Writing calls that Xero saw.
    pub fn xero_writes(&self) -> usize {
        let calls = self.world.calls();
        let writes = |it: &&sandbox::calls::Call| {
            it.kind == sandbox::calls::CallKind::Writing && it.vendor == sandbox::Vendor::Xero
        };
        calls.iter().filter(writes).count()
    }

    /// The entry of a credit note.
    pub async fn note_entry(&self, serial: i64) -> Entry {
        self.entry(&format!("{NOTES}/{}", 5000 + serial)).await
    }

    /// Asserts that a credit note stands in `state`, its problem telling `words`, and that neither
    /// system was touched for it.
    pub async fn assert_stopped(&self, serial: i64, state: State, words: &str) {
        let entry = self.note_entry(serial).await;
        let problem = entry
            .problem
            .clone()
            .unwrap_or_else(|| panic!("no problem: {entry:#?}"));
        let told = format!("{} {}", problem.cause, problem.remedy);
        assert_eq!(entry.state, state, "{told}");
        assert!(told.contains(words), "`{words}` is not told by `{told}`");
        assert!(!problem.remedy.is_empty(), "{told}");
        let number = format!("{serial} CRN-{serial}");
        assert!(
            !self.xero_numbers().contains(&number),
            "{number} was sent all the same"
        );
    }

    /// Asserts that a credit note is synced, in Xero once, and Imported in Omni.
    pub async fn assert_arrived(&self, serial: i64) {
        let entry = self.note_entry(serial).await;
        assert_eq!(entry.state, State::Synced, "{:?}", entry.problem);
        let number = entry.number.clone().expect("a number");
        let count = self
            .xero_numbers()
            .iter()
            .filter(|it| **it == number)
            .count();
        assert_eq!(count, 1, "{number} in {:?}", self.xero_numbers());
        let held = self
            .world
            .xero(ORGANISATION)
            .credit_note(&number)
            .expect("it is there");
        assert_eq!(
            entry.held.map(|it| it.id),
            held["CreditNoteID"].as_str().map(str::to_owned),
            "the link"
        );
        assert_eq!(self.import_status(serial), "Imported");
        assert!(
            self.world.duplicates().is_empty(),
            "{:?}",
            self.world.duplicates()
        );
    }
}
