//! The short form of `campaign -- crash`.
