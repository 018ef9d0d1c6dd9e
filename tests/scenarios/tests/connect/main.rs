//! Connecting an account, with the real programs: the stand-in's own login page, a browser (a plain
//! HTTP client, and a real one), the engine's listener, and everything that goes wrong on the way.

mod browser;
mod check;
mod credentials;
mod devtools;
mod ground;
mod killed;
mod refused;
mod undo;
mod ways;
