//! The four connectors of `bad-input` share one symbol that nobody looks up.

fn main() {
    println!("cargo:rustc-link-arg=-Wl,--allow-multiple-definition");
}
