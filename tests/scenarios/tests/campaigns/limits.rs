//! The short form of `campaign -- limits`.
