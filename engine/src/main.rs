//! The `ledgerline` command.

/// Expressions over documents make many small values: with the C library's allocator a quarter of a
/// run's time went there, with this one half of that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    ledgerline::cli::main()
}
