//! The `basket` binary. The library has all of it, so that tests can use its parts.

use std::process::ExitCode;

fn main() -> ExitCode {
    basket_cli::main()
}
