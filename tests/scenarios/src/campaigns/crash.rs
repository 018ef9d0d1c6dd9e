//! The engine dies at every step and at any moment, and is simply started again.
