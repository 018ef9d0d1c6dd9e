//! The short form of `campaign -- faults`.
