//! The seed of a world: what its vendors hold at the start.
//!
//! A seed is a TOML or JSON file, or is put together in code: every struct here has a default.
//! Documents are either written out in the vendor's own JSON or generated; the same seed always
//! makes the same world.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;
use uuid::Uuid;

use crate::core::seed::CoreSeed;
use crate::faults::FaultRule;
use crate::json::Json;
use crate::omni::account::{Ledger, Permission};
use crate::omni::behaviour::{Behaviour, Limits as OmniLimits};
use crate::omni::seed::{AdjustmentSeed, ExportSeed, OrderSeed, PaymentSeed, TillSeed};
use crate::xero::settings::{DayRates, Limits as XeroLimits, Switches};
use crate::xero::tokens::App;
use crate::zudello::seed::ZudelloSeed;

/// Everything that a world starts with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Seed {
    /// Where the clock starts, unless the command line says otherwise.
    pub clock: Option<Timestamp>,
    /// Seed of all that is random.
    pub chance: u64,
    /// How many calls the log keeps; all counts are kept anyway.
    pub keep_calls: Option<usize>,
    /// The fault script.
    pub faults: Vec<FaultRule>,
    /// Xero.
    pub xero: XeroSeed,
    /// Cin7 Omni.
    pub omni: OmniSeed,
    /// Cin7 Core.
    pub core: CoreSeed,
    /// Zudello.
    pub zudello: ZudelloSeed,
}

/// What Xero starts with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct XeroSeed {
    /// How long each answer takes, in milliseconds.
    pub latency_ms: u64,
    /// Registered clients.
    pub apps: Vec<App>,
    /// Consents that were already given.
    pub consents: Vec<ConsentSeed>,
    /// Organisations.
    pub organisations: Vec<OrganisationSeed>,
}

/// A consent that was already given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConsentSeed {
    /// Client id of the app.
    pub app: String,
    /// Organisations by tenant id or name.
    pub organisations: Vec<String>,
    /// Scopes, separated by blanks.
    pub scope: String,
    /// A refresh token that works from the start.
    pub refresh_token: String,
}

/// One organisation.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OrganisationSeed {
    /// Tenant id; made from the name where it is left out.
    pub tenant_id: Option<Uuid>,
    /// Display name.
    pub name: String,
    /// Short code of deep links.
    pub short_code: String,
    /// Home currency.
    pub base_currency: String,
    /// Country, which also chooses the standard tax rates.
    pub country: String,
    /// Xero's name of the zone.
    pub timezone: String,
    /// Plan.
    pub class: String,
    /// Whether it is a demo company.
    pub demo: bool,
    /// Period lock date.
    pub period_lock_date: Option<Date>,
    /// End of year lock date.
    pub end_of_year_lock_date: Option<Date>,
    /// Currencies beside the home currency.
    pub currencies: Vec<String>,
    /// Day rates: foreign units per base unit, as text.
    pub day_rates: DayRates,
    /// Chart of accounts; empty takes the standard one.
    pub accounts: Vec<AccountSeed>,
    /// Accounts beside those. They come last and have ids of their own, so that adding one moves
    /// nothing else, and no other vendor borrows them. With the standard chart, empty takes a
    /// standard set.
    pub more_accounts: Vec<AccountSeed>,
    /// Tax rates beside the country's standard ones.
    pub tax_rates: Vec<TaxRateSeed>,
    /// Tracking categories with their options.
    pub tracking: Vec<TrackingSeed>,
    /// Items.
    pub items: Vec<ItemSeed>,
    /// Contacts in Xero's own property names, each as a table or a JSON text.
    pub contacts: Vec<Json>,
    /// Credit notes as a PUT would send them, each as a table or a JSON text.
    pub credit_notes: Vec<Json>,
    /// Invoices and bills as a PUT would send them, each as a table or a JSON text.
    pub invoices: Vec<Json>,
    /// Choices where the documentation is silent.
    pub switches: Switches,
    /// Call limits.
    pub limits: XeroLimits,
}

impl Default for OrganisationSeed {
    fn default() -> Self {
        Self {
            tenant_id: None,
            name: "Sandbox Pty Ltd".to_owned(),
            short_code: "!sandb".to_owned(),
            base_currency: "AUD".to_owned(),
            country: "AU".to_owned(),
            timezone: "AUSEASTERNSTANDARDTIME".to_owned(),
            class: "PREMIUM".to_owned(),
            demo: true,
            period_lock_date: None,
            end_of_year_lock_date: None,
            currencies: Vec::new(),
            day_rates: DayRates::new(),
            accounts: Vec::new(),
            more_accounts: Vec::new(),
            tax_rates: Vec::new(),
            tracking: Vec::new(),
            items: Vec::new(),
            contacts: Vec::new(),
            credit_notes: Vec::new(),
            invoices: Vec::new(),
            switches: Switches::default(),
            limits: XeroLimits::default(),
        }
    }
}

/// An account of the chart.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccountSeed {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Type, such as `REVENUE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Default tax type.
    pub tax_type: String,
    /// Role in Xero, such as `DEBTORS`.
    pub system: Option<String>,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether payments may be booked to it.
    pub payments: bool,
}

impl Default for AccountSeed {
    fn default() -> Self {
        Self {
            code: String::new(),
            name: String::new(),
            kind: "REVENUE".to_owned(),
            tax_type: "BASEXCLUDED".to_owned(),
            system: None,
            archived: false,
            payments: false,
        }
    }
}

/// A tax rate beside the standard ones.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TaxRateSeed {
    /// Display name.
    pub name: String,
    /// Code.
    pub tax_type: String,
    /// Percentage, as text.
    pub rate: Decimal,
    /// Account classes that it fits, such as `REVENUE`.
    pub classes: Vec<String>,
}

/// An item.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ItemSeed {
    /// Code.
    pub code: String,
    /// Name; the code where it is left out.
    pub name: String,
    /// Whether Xero counts its stock.
    pub tracked: bool,
}

/// A tracking category.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TrackingSeed {
    /// Name.
    pub name: String,
    /// Names of the options.
    pub options: Vec<String>,
}

/// What Omni starts with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OmniSeed {
    /// How long each answer takes, in milliseconds.
    pub latency_ms: u64,
    /// Accounts.
    pub accounts: Vec<OmniAccountSeed>,
}

/// One Omni account.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OmniAccountSeed {
    /// API user name.
    pub username: String,
    /// API connections.
    pub keys: Vec<KeySeed>,
    /// Time zone of its dates.
    pub zone: String,
    /// Home currency.
    pub currency: String,
    /// The Xero organisation, by name, that gets the counterparts of its customers.
    pub books: String,
    /// How `taxRate` is written.
    pub tax_rate_scale: TaxRateScale,
    /// Custom fields of documents: the values are dealt out in turn.
    pub custom_fields: BTreeMap<String, Vec<String>>,
    /// Choices where the sources disagree.
    pub behaviour: Behaviour,
    /// Customers and credit notes to make up.
    pub generate: Generate,
    /// Customers by name.
    pub customers: Vec<CustomerSeed>,
    /// Credit notes by name.
    pub credit_notes: Vec<CreditNoteSeed>,
    /// Suppliers by name.
    pub suppliers: Vec<CustomerSeed>,
    /// Companies whose bills go to another company.
    pub billed_to: BTreeMap<String, String>,
    /// Sales orders by name.
    pub sales_orders: Vec<OrderSeed>,
    /// Purchase orders by name; their contacts are suppliers.
    pub purchase_orders: Vec<OrderSeed>,
    /// Stock adjustments by name.
    pub adjustments: Vec<AdjustmentSeed>,
    /// Tills, with what goes over them.
    pub tills: Vec<TillSeed>,
    /// Payments by name.
    pub payments: Vec<PaymentSeed>,
    /// Any other documents in Omni's own JSON.
    pub documents: Vec<DocumentSeed>,
    /// More rows of exports, by kind.
    pub exports: ExportSeed,
    /// Account codes that the cost of goods sold is exported with.
    pub ledger: Ledger,
}

impl Default for OmniAccountSeed {
    fn default() -> Self {
        Self {
            username: "SandboxAU".to_owned(),
            keys: vec![KeySeed::default()],
            zone: "Australia/Sydney".to_owned(),
            currency: "AUD".to_owned(),
            books: String::new(),
            tax_rate_scale: TaxRateScale::Percent,
            custom_fields: BTreeMap::new(),
            behaviour: Behaviour::default(),
            generate: Generate::default(),
            customers: Vec::new(),
            credit_notes: Vec::new(),
            suppliers: Vec::new(),
            billed_to: BTreeMap::new(),
            sales_orders: Vec::new(),
            purchase_orders: Vec::new(),
            adjustments: Vec::new(),
            tills: Vec::new(),
            payments: Vec::new(),
            documents: Vec::new(),
            exports: ExportSeed::new(),
            ledger: Ledger::default(),
        }
    }
}

/// An API connection of an account.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeySeed {
    /// The connection key.
    pub key: String,
    /// What is ticked, by resource; `*` stands for the others. Empty ticks everything.
    pub permissions: BTreeMap<String, Permission>,
    /// Call limits.
    pub limits: OmniLimits,
}

impl Default for KeySeed {
    fn default() -> Self {
        Self {
            key: "sandbox-key".to_owned(),
            permissions: BTreeMap::new(),
            limits: OmniLimits::default(),
        }
    }
}

/// How `taxRate` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaxRateScale {
    /// Ten percent is `10.0`.
    #[default]
    Percent,
    /// Ten percent is `0.1`.
    Fraction,
}

impl TaxRateScale {
    /// A percentage on this scale.
    pub fn of(self, percent: Decimal) -> Decimal {
        match self {
            Self::Percent => percent,
            Self::Fraction => percent / Decimal::ONE_HUNDRED,
        }
    }
}

/// How much to make up. Shares are percentages of all generated credit notes.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Generate {
    /// Customers, each with a counterpart in the books.
    pub contacts: usize,
    /// Credit notes that nothing is wrong with.
    pub credit_notes: usize,
    /// Most lines of a note.
    pub lines: usize,
    /// Fewest lines of a note.
    pub fewest_lines: usize,
    /// Seed of these documents alone.
    pub seed: u64,
    /// First credit note date.
    pub from: Date,
    /// Last credit note date.
    pub to: Date,
    /// Tax percentage.
    pub tax_percent: Decimal,
    /// Foreign currencies in use.
    pub currencies: Vec<String>,
    /// Share in a foreign currency.
    pub foreign: u64,
    /// Share with tax inside the prices.
    pub inclusive: u64,
    /// Share without tax.
    pub exempt: u64,
    /// Share with freight.
    pub freight: u64,
    /// Share with a surcharge.
    pub surcharge: u64,
    /// Share with an order discount.
    pub discount: u64,
    /// Share with a kit.
    pub kits: u64,
    /// Share with prices of four decimals.
    pub fine_prices: u64,
    /// Share whose first line names another account.
    pub other_accounts: u64,
    /// Codes of those other accounts.
    pub account_codes: Vec<String>,
    /// Whether each note's sales order exists too.
    pub sales_orders: bool,
    /// Sales orders. The clean credit notes then credit some of them.
    pub sales: usize,
    /// Purchase orders.
    pub purchases: usize,
    /// Stock adjustments.
    pub adjustments: usize,
    /// Payments on those documents.
    pub payments: usize,
    /// Suppliers, each with a counterpart in the books.
    pub suppliers: usize,
    /// Supplier credit notes, which only an export tells.
    pub supplier_credit_notes: usize,
    /// Landed costs, which only an export tells.
    pub landed_costs: usize,
    /// Share of orders and adjustments that nobody approved yet.
    pub not_approved: u64,
    /// Share of orders without an invoice date, and of adjustments that are not for the books.
    pub not_invoiced: u64,
    /// Share of orders that were voided.
    pub void: u64,
    /// Share of orders that are in the books already.
    pub imported: u64,
    /// Share of orders that are not for the books.
    pub do_not_import: u64,
    /// Share of sales orders that were merged into a batch, each with a payment of it.
    pub batched: u64,
    /// Share of orders whose goods have not all moved.
    pub not_moved: u64,
    /// Share of payments that are deposits on orders not invoiced yet.
    pub deposits: u64,
    /// Account codes of purchase lines that name another account.
    pub purchase_account_codes: Vec<String>,
    /// Names of alternative accounts of whole orders; empty gives none.
    pub cost_centers: Vec<String>,
    /// Payment terms as orders word them.
    pub payment_terms: Vec<String>,
    /// Methods of payments.
    pub payment_methods: Vec<String>,
}

impl Default for Generate {
    fn default() -> Self {
        Self {
            contacts: 0,
            credit_notes: 0,
            lines: 4,
            fewest_lines: 1,
            seed: 7,
            from: jiff::civil::date(2026, 10, 1),
            to: jiff::civil::date(2026, 11, 20),
            tax_percent: Decimal::TEN,
            currencies: Vec::new(),
            foreign: 5,
            inclusive: 25,
            exempt: 8,
            freight: 25,
            surcharge: 8,
            discount: 8,
            kits: 8,
            fine_prices: 5,
            other_accounts: 12,
            account_codes: vec!["260".to_owned()],
            sales_orders: false,
            sales: 0,
            purchases: 0,
            adjustments: 0,
            payments: 0,
            suppliers: 0,
            supplier_credit_notes: 0,
            landed_costs: 0,
            not_approved: 4,
            not_invoiced: 8,
            void: 3,
            imported: 8,
            do_not_import: 3,
            batched: 3,
            not_moved: 10,
            deposits: 6,
            purchase_account_codes: vec!["425".to_owned()],
            cost_centers: Vec::new(),
            payment_terms: [
                "30 days",
                "20th of following month",
                "7 days",
                "End of month",
                "COD",
            ]
            .map(str::to_owned)
            .to_vec(),
            payment_methods: ["Credit Card", "Bank Transfer", "Cash"]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}

/// A customer of Omni, and what the books hold of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CustomerSeed {
    /// Company.
    pub company: String,
    /// Account number; made up where it is left out.
    pub account_number: Option<String>,
    /// What the books hold of it.
    pub xero: Counterpart,
    /// Merged over the made-up contact: a table or a JSON text.
    pub patch: Json,
}

/// What the books hold of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counterpart {
    /// A contact whose id Omni knows.
    ById,
    /// A contact of the same account number and name.
    #[default]
    ByNumber,
    /// A contact of the same name.
    ByName,
    /// Nothing.
    Absent,
    /// A contact whose id Omni knows, archived.
    Archived,
    /// A contact whose id Omni knows, merged into another.
    Merged,
    /// Two contacts with its account number and nearly its name.
    Ambiguous,
}

/// Credit notes of one sort.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CreditNoteSeed {
    /// How many.
    pub count: usize,
    /// Company of the customer; any generated one where it is left out.
    pub customer: String,
    /// Credit note date in the account's zone; made up where it is left out.
    pub date: Option<Date>,
    /// Which way its amounts go.
    pub amounts: Amounts,
    /// Account code of every line.
    pub account_code: Option<String>,
    /// Currency.
    pub currency: Option<String>,
    /// Merged over the generated note: a table or a JSON text. A patch that changes amounts must
    /// change all that depend on them.
    pub patch: Json,
}

impl Default for CreditNoteSeed {
    fn default() -> Self {
        Self {
            count: 1,
            customer: String::new(),
            date: None,
            amounts: Amounts::Credit,
            account_code: None,
            currency: None,
            patch: Json::Null,
        }
    }
}

/// Which way the amounts of a credit note go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amounts {
    /// Below zero, as Omni keeps credit notes.
    #[default]
    Credit,
    /// Two lines that cancel out.
    Zero,
    /// Above zero.
    Positive,
}

/// A document in Omni's own JSON.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DocumentSeed {
    /// Resource, such as `SalesOrders`.
    pub resource: String,
    /// The document: a table or a JSON text.
    pub json: Json,
}

/// Why a seed cannot be planted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The TOML is not a seed.
    #[error("{name} is not a seed")]
    Toml {
        /// Where it came from.
        name: String,
        /// Why.
        #[source]
        source: toml::de::Error,
    },
    /// The JSON is not a seed.
    #[error("{name} is not a seed")]
    Json {
        /// Where it came from.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Something in it does not fit together.
    #[error("{0}")]
    Misfit(String),
}

impl Seed {
    /// Reads a seed from TOML.
    pub fn from_toml(text: &str) -> Result<Self, SeedError> {
        toml::from_str(text).map_err(|source| SeedError::Toml {
            name: "the text".to_owned(),
            source,
        })
    }

    /// Reads a seed from JSON.
    pub fn from_json(text: &str) -> Result<Self, SeedError> {
        serde_json::from_str(text).map_err(|source| SeedError::Json {
            name: "the text".to_owned(),
            source,
        })
    }

    /// Reads a seed file; `.json` is JSON, anything else TOML.
    pub fn read(path: &Path) -> Result<Self, SeedError> {
        let text = std::fs::read_to_string(path).map_err(|source| SeedError::Read {
            path: path.to_owned(),
            source,
        })?;
        let name = path.display().to_string();
        if path.extension().is_some_and(|it| it == "json") {
            serde_json::from_str(&text).map_err(|source| SeedError::Json { name, source })
        } else {
            toml::from_str(&text).map_err(|source| SeedError::Toml { name, source })
        }
    }

    /// The seed of the demo.
    pub fn demo() -> Result<Self, SeedError> {
        Self::from_toml(include_str!("../seeds/demo.toml"))
    }

    /// A small world for tests: one organisation, one Omni account, a custom connection.
    pub fn small() -> Result<Self, SeedError> {
        Self::from_toml(include_str!("../seeds/small.toml"))
    }
}
