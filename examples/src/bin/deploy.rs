//! Looks whether the instances of a store fit the orchestrators of this package, before they are deployed; and records histories for tests.

use std::process::ExitCode;

// Links the definitions: nothing else of the library is named here.
use steadfast_examples as _;

fn main() -> ExitCode {
    steadfast::deploy::main()
}
