//! A live look at every connection, before anything is sent: all that could stop documents, a row
//! each, as it should be, wrong with what to do, or not to be known and why.

mod account;
mod connections;
mod files;
mod tables;
mod unmapped;

pub(super) use connections::check;
