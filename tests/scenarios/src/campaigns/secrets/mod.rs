//! A canary in every slot that holds a secret, vendors that echo whatever they are sent, and a search
//! through everything that the engine wrote, said, recorded and gave to a plugin.

mod acts;
mod canaries;
mod ground;
mod mirror;
mod options;
mod person;
mod search;
mod witness;

pub use options::{Options, Outcome, play, run};
pub use search::{Needles, left_in, of_the_demonstration};
