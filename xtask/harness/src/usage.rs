//! Arguments that can't be used, and the exit statuses of the programs.

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;

/// Exit status for arguments that can't be used.
pub const USAGE: u8 = 2;

/// An argument that parses but can't be used: one line, and exit status 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The parsed arguments. Help is printed and ends the program; a fault is told in one line, with its exit status.
pub fn parse<T>(parsed: Result<T, clap::Error>) -> Result<T, ExitCode> {
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
        _ => {
            eprintln!("{}", one_line(&error.to_string()));
            ExitCode::from(USAGE)
        }
    })
}

/// The exit status of a job; its error is printed.
pub fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<Usage>() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// The first paragraph of clap's message as one line; the rest is usage and tips.
pub fn one_line(message: &str) -> String {
    let paragraph = message.lines().take_while(|line| !line.trim().is_empty());
    paragraph.map(str::trim).collect::<Vec<_>>().join(" ")
}
