//! The command-line program; everything is in the library.

fn main() -> std::process::ExitCode {
    tcpstate::cli::run(std::env::args_os())
}
