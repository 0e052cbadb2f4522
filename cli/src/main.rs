//! `fleetctl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fleetctl::complete();
    // One thread: starting more would cost more than most commands take.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    let exit = runtime.block_on(fleetctl::run(std::env::args_os(), fleetctl::io::Io::process()));
    // A prompt or follower may still hold a thread that reads standard input.
    runtime.shutdown_background();
    ExitCode::from(exit as u8)
}
