//! Everything as fast as the vendors allow, and never faster.
