//! The short forms of the campaigns.

mod crash;
mod faults;
mod limits;
mod secrets;
