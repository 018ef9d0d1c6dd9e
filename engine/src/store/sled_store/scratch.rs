//! A copy of a store in memory, for a dry run: whatever is decided on it leaves no trace.

use std::sync::Arc;

use super::{SledStore, failed, keys, open::in_memory};
use crate::store::{Result, SharedStore};

/// Rows that are copied in one batch.
const CHUNK: usize = 1000;

impl SledStore {
    /// Everything but secrets. Nothing else writes meanwhile, so the copy is of one moment.
    pub(super) fn copy_to_memory(&self) -> Result<SharedStore> {
        let _writer = self.writer();
        let shown = self.path.display().to_string();
        let tree = in_memory()?;
        let mut batch = sled::Batch::default();
        let mut waiting = 0;
        for row in self.tree.iter() {
            let (key, value) = row.map_err(|err| failed(&shown, &err))?;
            if key.first() == Some(&keys::SECRET) {
                continue;
            }
            batch.insert(key, value);
            waiting += 1;
            if waiting == CHUNK {
                tree.apply_batch(std::mem::take(&mut batch))
                    .map_err(|err| failed(&shown, &err))?;
                waiting = 0;
            }
        }
        tree.apply_batch(batch)
            .map_err(|err| failed(&shown, &err))?;
        Ok(Arc::new(Self::over_rows(tree)?))
    }
}
