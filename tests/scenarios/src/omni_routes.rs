//! The routes of Cin7 Omni that are off until they are switched on, and how a test switches them on.

use ledgerline::config::Deployment;
use serde_json::json;

/// Sales orders, which become invoices.
pub const ORDERS: &str = "omni-sales-orders";
/// Marks them as imported.
pub const ORDERS_IMPORTED: &str = "omni-sales-orders-imported";
/// Purchase orders, which become bills.
pub const BILLS: &str = "omni-purchase-orders";
/// Marks them as imported.
pub const BILLS_IMPORTED: &str = "omni-purchase-orders-imported";
/// Credit notes to customers.
pub const NOTES: &str = "omni-credit-notes";
/// Applies them to their invoices.
pub const ALLOCATIONS: &str = "omni-credit-note-allocations";
/// Stock adjustments, which become journals.
pub const ADJUSTMENTS: &str = "omni-adjustments";
/// Payments on invoices, from Xero to Omni.
pub const SALES_PAYMENTS: &str = "omni-sales-payments";
/// Money that was paid through Omni, from Omni to Xero.
pub const PORTAL_PAYMENTS: &str = "omni-portal-payments";
/// Payments on bills, from Xero to Omni.
pub const PURCHASE_PAYMENTS: &str = "omni-purchase-payments";
/// Credit notes for what closed invoices became smaller by.
pub const SALES_CREDITS: &str = "omni-sales-differences-credit";
/// Applies them.
pub const SALES_CREDITS_APPLIED: &str = "omni-sales-differences-applied";
/// Invoices for what closed invoices became larger by.
pub const SALES_ADDITIONS: &str = "omni-sales-differences-additional";
/// Supplier credit notes for what closed bills became smaller by.
pub const BILL_CREDITS: &str = "omni-purchase-differences-credit";
/// Bills for what closed bills became larger by.
pub const BILL_ADDITIONS: &str = "omni-purchase-differences-additional";
/// Links suppliers.
pub const SUPPLIERS: &str = "omni-suppliers";

/// Supplier credit notes, from an export.
pub const SUPPLIER_NOTES: &str = "omni-supplier-credit-notes";
/// Applies them to their bills.
pub const SUPPLIER_ALLOCATIONS: &str = "omni-supplier-credit-note-allocations";
/// Landed costs, from an export, which become journals.
pub const LANDED_COSTS: &str = "omni-landed-costs";
/// Looks for the bills that landed costs stand against.
pub const LANDED_COST_BILLS: &str = "omni-landed-cost-bills";
/// A month's cost of goods sold, from an export, which becomes one journal.
pub const COGS: &str = "omni-cogs";

/// Deposits on sales orders, from an export, which become invoices.
pub const SALES_DEPOSITS: &str = "omni-sales-deposits";
/// Deposits on purchase orders, from an export, which become bills.
pub const PURCHASE_DEPOSITS: &str = "omni-purchase-deposits";

/// Sales orders that go into batches.
pub const BATCH_ORDERS: &str = "omni-batch-orders";
/// Credit notes that go into batches.
pub const BATCH_RETURNS: &str = "omni-batch-returns";
/// Payments in Omni, which say how what is batched was paid.
pub const BATCH_PAYMENTS: &str = "omni-batch-payments";
/// Orders and credit notes with their payments, which are put into batches.
pub const BATCH_MEMBERS: &str = "omni-batch-members";
/// Batches that become invoices.
pub const BATCHES: &str = "omni-batches";
/// Batches that become credit notes.
pub const BATCHES_CREDIT: &str = "omni-batches-credit";

/// Credit notes for what posted batches became smaller by.
pub const BATCH_CREDITS: &str = "omni-batches-differences-credit";
/// Invoices for what posted batches became larger by.
pub const BATCH_ADDITIONS: &str = "omni-batches-differences-additional";

/// Orders and credit notes of this channel are batched.
pub fn batched(deployment: &mut Deployment, channel: &str) {
    for route in [BATCH_ORDERS, BATCH_RETURNS] {
        let route = deployment.routes.get_mut(route).expect("the route");
        route.options.insert("channels".to_owned(), json!(channel));
    }
}

/// Exports are read from a folder beside the store.
pub fn exports_beside_the_store(deployment: &mut Deployment) {
    let folder = deployment.store.with_file_name("exports");
    std::fs::create_dir_all(&folder).expect("a folder for exports");
    let connections = deployment.connections.values_mut();
    for drop in connections.flat_map(|it| it.files.values_mut()) {
        let name = drop.path.file_name().expect("a name").to_owned();
        drop.path = folder.join(name);
    }
}

/// Every route of Omni is on, and what the sandbox's client may do is asked for.
pub fn all_on(deployment: &mut Deployment) {
    exports_beside_the_store(deployment);
    for route in deployment.routes.values_mut() {
        if route.name.starts_with("omni-") {
            route.enabled = true;
            route.confirmed = true;
        }
    }
    for app in deployment.apps.values_mut() {
        let more = ["accounting.payments", "accounting.manualjournals"];
        app.scopes
            .get_or_insert_default()
            .extend(more.map(str::to_owned));
    }
}

/// As [`all_on`]; what the route sends is posted at once.
pub fn posted(deployment: &mut Deployment) {
    all_on(deployment);
    for route in deployment.routes.values_mut() {
        let parts = [
            SALES_CREDITS,
            SALES_ADDITIONS,
            BILL_CREDITS,
            BILL_ADDITIONS,
            BATCH_CREDITS,
            BATCH_ADDITIONS,
        ];
        let documents = [
            ORDERS,
            BILLS,
            NOTES,
            SUPPLIER_NOTES,
            BATCHES,
            BATCHES_CREDIT,
        ];
        let name = route.name.as_str();
        if documents.contains(&name) || parts.contains(&name) {
            route
                .options
                .insert("status".to_owned(), json!("AUTHORISED"));
        }
    }
}
