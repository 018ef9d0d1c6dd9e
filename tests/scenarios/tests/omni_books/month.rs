//! The short form of `campaign -- month`: a month of a small company is tied out to the cent.

use expect_test::expect;
use scenarios::campaigns::month::{Size, play};

#[tokio::test(start_paused = true)]
async fn a_month_is_booked_to_the_cent_and_every_stop_is_explained() {
    let size = Size {
        contacts: 15,
        suppliers: 5,
        sales: 120,
        purchases: 30,
        adjustments: 10,
        credit_notes: 20,
        supplier_credit_notes: 5,
        till_sales: 40,
        till_returns: 8,
        till_days: 3,
    };
    let month = play(size, 7).await;
    assert!(month.wrong.is_empty(), "{:#?}", month.wrong);
    assert!(month.compared > 180, "{}", month.compared);
    // Bank, sales, other revenue, cost of goods, adjustments, freight, customs, currency gains, receivables,
    // clearing, stock, payables, deposits of customers whose orders are not invoiced, tax, rounding.
    let accounts: Vec<&str> = month.balances.keys().map(String::as_str).collect();
    let all = [
        "091", "200", "260", "310", "311", "312", "313", "497", "610", "625", "631", "800", "805",
        "820", "860",
    ];
    assert_eq!(accounts, all, "{:?}", month.balances);
    let causes: String = month
        .causes
        .iter()
        .map(|((route, why), count)| format!("{count:>2} {route}: {why}\n"))
        .collect();
    expect![[r#"
         1 omni-adjustments: closed period
         1 omni-adjustments: has no row
         1 omni-adjustments: no accounting adjustment date
         1 omni-batches: changed
         6 omni-credit-note-allocations: its invoice is not in the books
         1 omni-credit-notes: a credit note of Omni has a negative one
         1 omni-credit-notes: closed period
         1 omni-credit-notes: no longer wants this document
         1 omni-credit-notes: no sales reference
         1 omni-credit-notes: total is zero
         4 omni-landed-costs: has no row
         2 omni-portal-payments: has not been read from the source
         1 omni-portal-payments: has not come yet
         1 omni-portal-payments: larger than what is outstanding
         1 omni-portal-payments: refunds are entered in Xero by hand
         1 omni-purchase-orders: Do Not Import
         1 omni-purchase-orders: amounts changed in the source
         3 omni-purchase-orders: has no row
         3 omni-purchase-orders: in the books already
         2 omni-purchase-orders: no invoice date
         1 omni-purchase-orders: no longer wants this document
         1 omni-purchase-orders: no supplier invoice number
         2 omni-sales-deposit-reversals: has not been read from the source
         8 omni-sales-orders: Do Not Import
         1 omni-sales-orders: closed period
         1 omni-sales-orders: do not say when it is due
         1 omni-sales-orders: has no row
         1 omni-sales-orders: has not come yet
        16 omni-sales-orders: in the books already
         2 omni-sales-orders: is archived in Xero
         2 omni-sales-orders: is out of use
         1 omni-sales-orders: is paid in Xero and cannot be taken back
         1 omni-sales-orders: its parts make
        11 omni-sales-orders: no invoice date
         7 omni-sales-orders: not approved in Omni
         3 omni-sales-orders: nothing in Xero matches it for certain
         2 omni-sales-orders: void in Omni
         1 omni-supplier-credit-note-allocations: its invoice is not in the books
         2 omni-supplier-credit-notes: has no row
    "#]]
    .assert_eq(&causes);
}
