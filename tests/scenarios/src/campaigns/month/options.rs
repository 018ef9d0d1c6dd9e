//! The long form: a month of a larger company.

use std::io::{self, Write};

use clap::Args;

use super::{Month, Size, play};

/// What a person may say.
#[derive(Debug, Args)]
pub struct Options {
    /// Customers.
    #[arg(long, default_value_t = 200)]
    pub contacts: usize,
    /// Suppliers.
    #[arg(long, default_value_t = 40)]
    pub suppliers: usize,
    /// Sales orders.
    #[arg(long, default_value_t = 2_000)]
    pub sales: usize,
    /// Purchase orders.
    #[arg(long, default_value_t = 300)]
    pub purchases: usize,
    /// Stock adjustments.
    #[arg(long, default_value_t = 40)]
    pub adjustments: usize,
    /// Credit notes.
    #[arg(long, default_value_t = 200)]
    pub credit_notes: usize,
    /// Supplier credit notes.
    #[arg(long, default_value_t = 20)]
    pub supplier_credit_notes: usize,
    /// Sales at the till.
    #[arg(long, default_value_t = 400)]
    pub till_sales: usize,
    /// Returns at the till.
    #[arg(long, default_value_t = 60)]
    pub till_returns: usize,
    /// Days on which the till is open.
    #[arg(long, default_value_t = 12)]
    pub till_days: usize,
    /// Seed of the documents.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Runs the long form.
///
/// # Errors
///
/// When anything is wrong, or standard output cannot be written to.
pub fn run(options: &Options) -> io::Result<()> {
    let size = Size {
        contacts: options.contacts,
        suppliers: options.suppliers,
        sales: options.sales,
        purchases: options.purchases,
        adjustments: options.adjustments,
        credit_notes: options.credit_notes,
        supplier_credit_notes: options.supplier_credit_notes,
        till_sales: options.till_sales,
        till_returns: options.till_returns,
        till_days: options.till_days,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let month = runtime.block_on(play(size, options.seed));
    tell(&month)?;
    match month.wrong.len() {
        0 => Ok(()),
        count => Err(io::Error::other(format!("{count} findings"))),
    }
}

fn tell(month: &Month) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for ((route, why), count) in &month.causes {
        writeln!(out, "{route}: {count} × {why}")?;
    }
    for it in &month.wrong {
        writeln!(out, "WRONG {it}")?;
    }
    writeln!(
        out,
        "SUMMARY campaign=month documents={} booked={} left_out={} stopped={} compared={} accounts={} \
         batches={} xero_writing_calls={} wrong={}",
        month.documents,
        month.booked,
        month.left_out,
        month.stopped,
        month.compared,
        month.balances.len(),
        month.batches,
        month.writes,
        month.wrong.len()
    )?;
    out.flush()
}
