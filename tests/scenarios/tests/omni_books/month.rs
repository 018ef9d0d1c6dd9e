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
    };
    let month = play(size, 7).await;
    assert!(month.wrong.is_empty(), "{:#?}", month.wrong);
    // Bank, sales, other revenue, adjustments, currency gains, receivables, stock, payables, tax, rounding.
    let accounts: Vec<&str> = month.balances.keys().map(String::as_str).collect();
    let all = [
        "091", "200", "260", "311", "497", "610", "631", "800", "820", "860",
    ];
    assert_eq!(accounts, all);
    let causes: String = month
        .causes
        .iter()
        .map(|((route, why), count)| format!("{count:>3} {route}: {why}\n"))
        .collect();
    expect![[""]].assert_eq(&causes);
}
