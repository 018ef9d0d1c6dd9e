//! The `ledgerline` command.

fn main() -> std::process::ExitCode {
    ledgerline::cli::main()
}
