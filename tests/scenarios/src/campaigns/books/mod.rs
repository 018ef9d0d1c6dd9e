//! What the campaigns about every row of Cin7 Omni share: a company that sells, buys, counts its stock,
//! gives credit, is paid and changes its mind, told in three acts; and what its books hold afterwards.
//!
//! `ground` plants the company and switches its routes on, `deeds` says what people do between the
//! acts, `held` compares what all vendors hold.

mod deeds;
mod ground;
mod held;

pub(super) use deeds::{ACTS, Hands, deeds};
pub(super) use ground::{
    ADJUSTMENTS, ALLOCATIONS, AT_THE_TILL, BATCHES, BILLS, BILLS_IMPORTED, CHANGED, COGS,
    LANDED_COSTS, NOTES, NOTES_IMPORTED, ORDERS, ORDERS_IMPORTED, POSTED, PURCHASE_PAYMENTS,
    SALES_PAYMENTS, SCOPES, TILL, TILL_MEMBERS, TILL_ORDERS, TILL_ORDERS_MARKED,
    TILL_RETURNS_MARKED, VOIDED, company, demonstration, drop_exports,
};
pub(super) use held::Held;
