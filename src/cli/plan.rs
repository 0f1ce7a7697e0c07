//! `layerwright plan`

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use super::Session;
use super::exit::{Exit, Failure};
use super::pools::{PoolOptions, value};
use super::words;
use crate::orchestrator;

/// Say what `build` would do, and why; change nothing.
///
/// Exits with 2 when something would be done.
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pools: PoolOptions,
    /// Plan what `build --force` would do
    #[arg(long)]
    force: bool,
}

impl Plan {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (context, tasks) = self.pools.prepare(self.force, session).await?;
        let (mut values, mut text, mut exit) = (Vec::new(), String::new(), Exit::Done);
        for task in &tasks {
            let planned = orchestrator::plan(&context, task, &session.terminal).await;
            let outcome = planned.map_err(Failure::from);
            values.push(value(&context, task, &outcome));
            match &outcome {
                Ok(outcome) => {
                    let steps = outcome.steps.iter().flat_map(words::step_lines);
                    let waits = outcome.not_now.iter().map(words::not_now_line);
                    let mut lines: Vec<String> = steps.chain(waits).collect();
                    if lines.is_empty() {
                        lines.push("nothing to do".to_owned());
                    }
                    for line in lines {
                        // Writing to a string does not fail.
                        let _ = writeln!(text, "{}: {line}", task.pool);
                    }
                    if !outcome.not_now.is_empty() {
                        exit = exit.max(Exit::Waiting);
                    }
                    if !outcome.steps.is_empty() {
                        exit = exit.max(Exit::WouldChange);
                    }
                }
                Err(failure) => {
                    session.terminal.say(&format!("{}: {failure}", task.pool));
                    exit = exit.max(failure.exit);
                }
            }
        }
        session.output.data(&json!({ "pools": values }), &text)?;
        Ok(exit)
    }
}
