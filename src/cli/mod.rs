//! The command line: arguments in, lines and an exit code out. One file a command.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

mod build;
mod completions;
mod exit;
mod init;
mod inspect;
mod options;
mod output;
mod plan;
mod pools;
mod push_rendered;
mod report;
mod words;

use exit::{Exit, Failure};
use output::Output;
use report::Terminal;

/// Turns machine configuration into operating-system images, and never builds the same thing twice.
#[derive(Debug, Parser)]
#[command(name = "layerwright", version, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done or nothing to do; 1 failed; 2 would change (plan, \
                        --check); 64 wrong usage; 65 bad input; 75 waiting for something.\n\
                        LAYERWRIGHT_LOG=layerwright=debug logs every request on standard error.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    output: output::OutputOptions,
}

/// What each command is for stands with its arguments.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    PushRendered(push_rendered::PushRendered),
    Build(build::Build),
    Plan(plan::Plan),
    Inspect(inspect::Inspect),
    Completions(completions::Completions),
}

/// What every command is given beside its own arguments.
struct Session {
    output: Output,
    terminal: Terminal,
    cancel: CancellationToken,
}

/// Runs the program with these arguments, its name first.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing is left to say when even this cannot be printed.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    start_log();
    let session = Session {
        output: Output::new(&arguments.output),
        terminal: Terminal::new(),
        cancel: CancellationToken::new(),
    };
    match execute(arguments.command, &session) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            session.output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// Lets LAYERWRIGHT_LOG switch on a log of what happens inside, on standard error:
/// `LAYERWRIGHT_LOG=layerwright=debug` shows every request.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("LAYERWRIGHT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // It fails only where a log was started before, which then serves.
    let _ = log.try_init();
}

fn execute(command: Command, session: &Session) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "cannot start", error))?;
    let result = runtime.block_on(async {
        watch_signals(&session.cancel)?;
        match command {
            Command::Init(command) => command.run(session),
            Command::Completions(command) => command.run(session),
            // It has things to put in order when it is interrupted, and does.
            Command::Build(command) => command.run(session).await,
            Command::PushRendered(command) => interruptible(command.run(session), session).await,
            Command::Plan(command) => interruptible(command.run(session), session).await,
            Command::Inspect(command) => interruptible(command.run(session), session).await,
        }
    });
    // What was interrupted may still be reading a large file: nobody waits for that any more.
    runtime.shutdown_background();
    result
}

/// Runs a command that can be dropped at any point.
async fn interruptible(
    command: impl Future<Output = Result<Exit, Failure>>,
    session: &Session,
) -> Result<Exit, Failure> {
    tokio::select! {
        done = command => done,
        () = session.cancel.cancelled() => {
            Err(Failure { exit: Exit::Failed, causes: vec!["interrupted".to_owned()] })
        }
    }
}

/// Makes Ctrl-C and a request to terminate end the work in order; the second one ends it at once.
fn watch_signals(cancel: &CancellationToken) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error| Failure::new(Exit::Failed, "cannot watch for signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let cancel = cancel.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if cancel.is_cancelled() {
                std::process::exit(i32::from(Exit::Failed.code()));
            }
            cancel.cancel();
        }
    });
    Ok(())
}
