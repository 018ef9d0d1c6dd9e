//! Brings an older store to the schema of today.
//!
//! Rows carry versions of their own, so a changed row needs nothing here: a migration is for what
//! lies between rows, such as another key or a new index. Each step's last writes become durable
//! together with the number of the schema they lead to. A step that needs more than one batch must
//! bear being begun again.

use super::{
    keys,
    rows::{NumberRow, damaged, decode, encode},
};
use crate::store::{Result, StoreError};

/// The schema that this engine writes.
pub(super) const SCHEMA: u64 = 2;

/// Steps from schema N to N + 1, in order. The first leads from schema 1.
pub(super) const MIGRATIONS: &[Migration] = &[
    // Nothing moves: an engine that does not keep look-ups must not write into a store that has them.
    Migration {
        from: 1,
        step: |_| Ok(sled::Batch::default()),
    },
];

/// One step.
pub(super) struct Migration {
    /// The schema that it starts from.
    pub(super) from: u64,
    /// Prepares the writes that lead to `from + 1`.
    pub(super) step: fn(&sled::Tree) -> Result<sled::Batch>,
}

/// Name of the meta row that holds the schema.
pub(super) const SCHEMA_KEY: &str = "schema";

/// The schema of the store; `None` when the store is empty and gets its schema now.
pub(super) fn schema_of(tree: &sled::Tree, path: &str) -> Result<Option<u64>> {
    let key = keys::named(keys::META, SCHEMA_KEY);
    match tree.get(&key).map_err(|err| super::failed(path, &err))? {
        Some(bytes) => Ok(Some(decode::<NumberRow>(&key, &bytes)?.0)),
        None if tree.is_empty() => Ok(None),
        None => Err(damaged(
            &key,
            "it is missing, so this is not a store of ledgerline",
        )),
    }
}

/// Runs the steps that lead from the store's schema to `newest`.
pub(super) fn migrate(
    tree: &sled::Tree,
    path: &str,
    steps: &[Migration],
    newest: u64,
) -> Result<()> {
    let failed = |err| super::failed(path, &err);
    let key = keys::named(keys::META, SCHEMA_KEY);
    let Some(mut schema) = schema_of(tree, path)? else {
        tree.insert(key, encode(&NumberRow(newest))?)
            .map_err(failed)?;
        return Ok(());
    };
    if schema > newest {
        let number = |it| u32::try_from(it).unwrap_or(u32::MAX);
        let path = path.to_owned();
        return Err(StoreError::Newer {
            path,
            found: number(schema),
            known: number(newest),
        });
    }
    while schema < newest {
        let Some(migration) = steps.iter().find(|it| it.from == schema) else {
            return Err(damaged(
                &key,
                format_args!("no way leads from schema {schema}"),
            ));
        };
        let mut batch = (migration.step)(tree)?;
        schema += 1;
        batch.insert(key.clone(), encode(&NumberRow(schema))?);
        tree.apply_batch(batch).map_err(failed)?;
        tree.flush().map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(schema: Option<u64>) -> sled::Db {
        let db = sled::Config::new().temporary(true).open().unwrap();
        if let Some(schema) = schema {
            let row = encode(&NumberRow(schema)).unwrap();
            db.insert(keys::named(keys::META, SCHEMA_KEY), row).unwrap();
        }
        db
    }

    /// Synthetic steps: the first renames a kind of key, the second adds a row for each.
    const STEPS: &[Migration] = &[
        Migration {
            from: 1,
            step: |tree| {
                let mut batch = sled::Batch::default();
                for row in tree.scan_prefix(b"X") {
                    let (key, value) = row.map_err(|err| super::super::failed("test", &err))?;
                    batch.remove(key.clone());
                    batch.insert([b"n", &key[1..]].concat(), value);
                }
                Ok(batch)
            },
        },
        Migration {
            from: 2,
            step: |tree| {
                let mut batch = sled::Batch::default();
                let count = tree.scan_prefix(b"n").count();
                batch.insert(b"count", vec![u8::try_from(count).unwrap()]);
                Ok(batch)
            },
        },
    ];

    #[test]
    fn an_older_store_goes_through_every_step_once() {
        for (schema, expected) in [(1, 2), (2, 1), (3, 0)] {
            let db = tree(Some(schema));
            db.insert(b"Xa", b"1").unwrap();
            db.insert(b"nb", b"2").unwrap();
            for _ in 0..2 {
                migrate(&db, "test", STEPS, 3).unwrap();
                assert_eq!(schema_of(&db, "test").unwrap(), Some(3), "from {schema}");
                let count = db.get(b"count").unwrap().map_or(0, |it| it[0]);
                assert_eq!(count, expected, "from {schema}");
                assert_eq!(db.contains_key(b"Xa").unwrap(), schema > 1, "from {schema}");
            }
        }
    }

    #[test]
    fn what_cannot_be_migrated_is_refused() {
        let newer = migrate(&tree(Some(4)), "a/b", STEPS, 3).unwrap_err();
        assert!(
            matches!(
                newer,
                StoreError::Newer {
                    found: 4,
                    known: 3,
                    ..
                }
            ),
            "{newer}"
        );
        let gap = migrate(&tree(Some(0)), "a/b", STEPS, 3).unwrap_err();
        assert!(matches!(gap, StoreError::Damaged { .. }), "{gap}");
        let other = tree(None);
        other.insert(b"something", b"else").unwrap();
        let other = migrate(&other, "a/b", STEPS, 3).unwrap_err();
        assert!(matches!(other, StoreError::Damaged { .. }), "{other}");
        let fresh = tree(None);
        migrate(&fresh, "a/b", STEPS, 3).unwrap();
        assert_eq!(schema_of(&fresh, "a/b").unwrap(), Some(3));
    }

    #[test]
    fn the_real_list_leads_to_today() {
        let from: Vec<u64> = MIGRATIONS.iter().map(|it| it.from).collect();
        assert_eq!(from, (1..SCHEMA).collect::<Vec<_>>());
    }
}
