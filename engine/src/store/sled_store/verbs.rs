//! The verbs of the trait, each kept from unwinding into its caller.

use std::collections::BTreeMap;

use super::SledStore;
use crate::store::{
    BudgetRow, CallRow, Cause, CursorRow, Document, Entry, EntryId, Filter, Group, Intake, Intent,
    Listing, LookUp, PageIn, Result, Settlement, SharedStore, State, Store, StreamId, TotalsRow,
};

impl Store for SledStore {
    fn intake_page(&self, page: PageIn<'_>) -> Result<Intake> {
        self.guarded(|| self.take_page(page))
    }

    fn seed_route(&self, route: &str, stream: &StreamId, at: i64) -> Result<u64> {
        self.guarded(|| self.seed(route, stream, at))
    }

    fn keep_look_up(&self, route: &str, by: LookUp) -> Result<()> {
        self.guarded(|| self.begin_look_up(route, by))
    }

    fn look_up(&self, route: &str, by: LookUp, value: &str) -> Result<Vec<String>> {
        self.guarded(|| self.found_by(route, by, value))
    }

    fn cursor(&self, stream: &StreamId) -> Result<Option<CursorRow>> {
        self.guarded(|| self.read_cursor(stream))
    }

    fn set_cursor(&self, stream: &StreamId, cursor: Option<CursorRow>) -> Result<()> {
        self.guarded(|| self.write_cursor(stream, cursor))
    }

    fn document(&self, stream: &StreamId, id: &str) -> Result<Option<Document>> {
        self.guarded(|| match self.stream_number(stream) {
            Some(number) => self.stored_document(number, id),
            None => Ok(None),
        })
    }

    fn documents(
        &self,
        stream: &StreamId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Document)>> {
        self.guarded(|| self.document_page(stream, after, limit))
    }

    fn entry(&self, id: &EntryId) -> Result<Option<Entry>> {
        self.guarded(|| {
            let route = self.names().routes.number(&id.route);
            match route {
                Some(route) => self.seen_entry(route, &id.source),
                None => Ok(None),
            }
        })
    }

    fn claim(
        &self,
        route: &str,
        stream: &StreamId,
        state: State,
        after: Option<&EntryId>,
        limit: usize,
    ) -> Result<Vec<(EntryId, Entry, Option<Document>)>> {
        self.guarded(|| self.claim_page(route, stream, state, after, limit))
    }

    fn record_intent(&self, intent: &Intent) -> Result<u64> {
        self.guarded(|| self.begin_call(intent))
    }

    fn open_intents(&self) -> Result<Vec<(u64, Intent)>> {
        self.guarded(|| self.intents())
    }

    fn settle(&self, settlement: Settlement) -> Result<()> {
        self.guarded(|| self.settle_all(settlement))
    }

    fn wake(&self, cause: &Cause, at: i64) -> Result<u64> {
        self.guarded(|| self.wake_all(cause, at))
    }

    fn page_of(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Result<Listing> {
        self.guarded(|| self.list(filter, after, limit))
    }

    fn groups(&self, routes: &[String]) -> Result<Vec<Group>> {
        self.guarded(|| self.all_groups(routes))
    }

    fn totals(&self) -> Result<Vec<TotalsRow>> {
        self.guarded(|| self.all_totals())
    }

    fn call(&self, id: u64) -> Result<Option<CallRow>> {
        self.guarded(|| Ok(self.read_call(id)?.map(Into::into)))
    }

    fn keep_call(&self, call: &CallRow) -> Result<u64> {
        self.guarded(|| self.write_call(call))
    }

    fn prune_calls(&self, before: i64) -> Result<u64> {
        self.guarded(|| self.drop_calls(before))
    }

    fn budget(&self, name: &str) -> Result<BudgetRow> {
        self.guarded(|| self.read_budget(name))
    }

    fn set_budget(&self, name: &str, row: &BudgetRow) -> Result<()> {
        self.guarded(|| self.write_budget(name, row))
    }

    fn secret(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.guarded(|| self.read_secret(name))
    }

    fn set_secret(&self, name: &str, sealed: Option<&[u8]>) -> Result<()> {
        self.guarded(|| self.write_secret(name, sealed))
    }

    fn note(&self, name: &str) -> Result<Option<String>> {
        self.guarded(|| self.read_note(name))
    }

    fn set_note(&self, name: &str, value: Option<&str>) -> Result<()> {
        self.guarded(|| self.write_note(name, value))
    }

    fn notes(&self, prefix: &str) -> Result<BTreeMap<String, String>> {
        self.guarded(|| self.read_notes(prefix))
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn distrust(&self, at: i64) -> Result<u64> {
        self.guarded(|| self.distrust_all(at))
    }

    fn caught_up(&self, stream: &StreamId) -> Result<()> {
        self.guarded(|| self.mark_caught_up(stream))
    }

    fn scratch_copy(&self) -> Result<SharedStore> {
        self.guarded(|| self.copy_to_memory())
    }
}
