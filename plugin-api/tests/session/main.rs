//! Sessions of connectors made with the SDK, driven through the ABI.

#![allow(
    missing_docs,
    unreachable_pub,
    reason = "the modules of a test are nobody's interface"
)]

mod growth;
mod machine;
mod probe;
mod zoo;
