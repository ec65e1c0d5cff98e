//! The `crossic` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    crossic::cli::main()
}
