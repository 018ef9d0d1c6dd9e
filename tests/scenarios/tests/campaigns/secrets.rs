//! Canaries in every slot, vendors that echo: found nowhere.

use scenarios::campaigns::secrets::{Options, play};

#[test]
fn no_secret_is_found_anywhere() {
    let outcome = play(&Options::short(), &|_| {}).expect("it can be played");
    assert_eq!(outcome.found, [""; 0], "{outcome:#?}");
    assert_eq!(outcome.wrong, [""; 0], "{outcome:#?}");
    assert!(outcome.secrets > 12 && outcome.echoed > 20, "{outcome:#?}");
}
