//! The `layerwright` program. Everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    layerwright::store::registry::install_crypto_provider();
    layerwright::cli::run(std::env::args_os())
}
