//! The vendors' behaviour through the front door: requests in, replies out.
//!
//! The modules are marked as tests, so that their helpers may unwrap as tests do.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod core_changes;
#[cfg(test)]
mod core_lists;
#[cfg(test)]
mod core_sales;
#[cfg(test)]
mod core_support;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod loopback;
#[cfg(test)]
mod omni_exports;
#[cfg(test)]
mod omni_generated;
#[cfg(test)]
mod omni_lists;
#[cfg(test)]
mod omni_orders;
#[cfg(test)]
mod omni_payments;
#[cfg(test)]
mod omni_support;
#[cfg(test)]
mod omni_writes;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod support;
#[cfg(test)]
mod xero_allocations;
#[cfg(test)]
mod xero_contacts;
#[cfg(test)]
mod xero_gate;
#[cfg(test)]
mod xero_identity;
#[cfg(test)]
mod xero_invoices;
#[cfg(test)]
mod xero_journals;
#[cfg(test)]
mod xero_ledger;
#[cfg(test)]
mod xero_lists;
#[cfg(test)]
mod xero_notes;
#[cfg(test)]
mod xero_payments;
#[cfg(test)]
mod xero_updates;
#[cfg(test)]
mod zudello_gate;
#[cfg(test)]
mod zudello_lists;
#[cfg(test)]
mod zudello_notes;
#[cfg(test)]
mod zudello_support;
#[cfg(test)]
mod zudello_turns;
