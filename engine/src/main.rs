//! The `ledgerline` command.

/// Documents are many small values: with the C library's allocator a run takes a fifth more of the
/// processor.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    ledgerline::cli::main()
}
