//! What a request changed, so that it can be taken back.

use uuid::Uuid;

use super::organisation::{Kept, Organisation};

type Step = Box<dyn FnOnce(&mut Organisation)>;

/// The way back to where a request began.
#[derive(Default)]
pub(crate) struct Undo(Vec<Step>);

impl Undo {
    /// Remembers an object as it is now, or that there is none.
    pub(crate) fn remember<T: Kept>(&mut self, organisation: &Organisation, id: Uuid) {
        let before = T::shelf(organisation).get(id).cloned();
        self.step(move |organisation| {
            let shelf = T::shelf_mut(organisation);
            shelf.take(id);
            if let Some(before) = before {
                shelf.put(before);
            }
        });
    }

    /// Saves an object, remembering what stood there.
    pub(crate) fn put<T: Kept>(&mut self, organisation: &mut Organisation, row: T) {
        self.remember::<T>(organisation, row.id());
        T::shelf_mut(organisation).put(row);
    }

    /// Remembers how one thing is taken back.
    pub(crate) fn step(&mut self, step: impl FnOnce(&mut Organisation) + 'static) {
        self.0.push(Box::new(step));
    }

    /// Takes everything back, the newest change first.
    pub(crate) fn roll_back(self, organisation: &mut Organisation) {
        for step in self.0.into_iter().rev() {
            step(organisation);
        }
    }
}
