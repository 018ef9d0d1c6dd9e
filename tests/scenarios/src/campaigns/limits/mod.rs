//! Everything as fast as the vendors allow, and never faster.

mod day;
mod fleet;
mod judge;
mod one;
mod options;
mod pace;
mod waiting;
mod wire;

pub use day::{Day, Days, day};
pub use fleet::{Fleet, fleet};
pub use judge::Figures;
pub use one::{Sources, calls, sources};
pub use options::{LimitsOptions, WaitingOptions, limits, waiting};
pub use pace::{Pace, pace};
pub use waiting::{Held, Waited, Waiting};
