//! The four verbs of the store that the network uses. Small enough for tests to keep in memory.

use std::sync::Arc;

use crate::store::{BudgetRow, Result, SharedStore};

/// Counters and sealed secrets, durable on return.
pub(super) trait Rows: Send + Sync + 'static {
    /// Counters of a budget.
    fn budget(&self, name: &str) -> Result<BudgetRow>;
    /// Stores them.
    fn set_budget(&self, name: &str, row: &BudgetRow) -> Result<()>;
    /// A sealed secret.
    fn secret(&self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Stores or removes one.
    fn set_secret(&self, name: &str, sealed: Option<&[u8]>) -> Result<()>;
}

/// [`Rows`], shared.
pub(super) type SharedRows = Arc<dyn Rows>;

impl Rows for SharedStore {
    fn budget(&self, name: &str) -> Result<BudgetRow> {
        (**self).budget(name)
    }

    fn set_budget(&self, name: &str, row: &BudgetRow) -> Result<()> {
        (**self).set_budget(name, row)
    }

    fn secret(&self, name: &str) -> Result<Option<Vec<u8>>> {
        (**self).secret(name)
    }

    fn set_secret(&self, name: &str, sealed: Option<&[u8]>) -> Result<()> {
        (**self).set_secret(name, sealed)
    }
}
