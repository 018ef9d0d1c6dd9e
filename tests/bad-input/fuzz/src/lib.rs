//! One fuzzing program a door of `bad-input`, each nothing but that door's own function.

pub use bad_input::target;
use fastrand::Rng;
pub use libfuzzer_sys;

/// A program that fuzzes one door.
#[macro_export]
macro_rules! door {
    ($name:literal) => {
        use $crate::libfuzzer_sys::{fuzz_mutator, fuzz_target};

        fuzz_target!(|data: &[u8]| {
            if let Some(it) = $crate::target($name) {
                (it.run)(data);
            }
        });

        fuzz_mutator!(|data: &mut [u8], size: usize, longest: usize, seed: u32| {
            $crate::change($name, data, size, longest, seed)
        });
    };
}

/// Half of the changes know the format, the other half are the fuzzer's own.
pub fn change(name: &str, data: &mut [u8], size: usize, longest: usize, seed: u32) -> usize {
    let mut chance = Rng::with_seed(u64::from(seed));
    if chance.bool() {
        return libfuzzer_sys::fuzzer_mutate(data, size, longest);
    }
    let words = target(name).map_or(&[][..], |it| it.words);
    let mut changed = data[..size].to_vec();
    let other = changed.clone();
    bad_input::mutate::mutate(&mut changed, &other, words, longest.min(data.len()), &mut chance);
    data[..changed.len()].copy_from_slice(&changed);
    changed.len()
}
