//! The `basket` binary: parse, choose the store, put the command to the basket, answer. The rooms are in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    basket_cli::main()
}
