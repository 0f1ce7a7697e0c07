//! `layerwright build`

use clap::Args;
use serde_json::json;

use super::Session;
use super::exit::{Exit, Failure};
use super::pools::{PoolOptions, say_not_now, value};
use crate::engine::sweep;
use crate::orchestrator;
use crate::plan::Streams;
use crate::store::Store;

/// Build and publish what the pools need and do not have yet.
///
/// Prints each pool's image with its digest. Says for each build which inputs changed.
#[derive(Debug, Args)]
pub struct Build {
    #[command(flatten)]
    pools: PoolOptions,
    /// Build even though there is an image, and replace it
    #[arg(long)]
    force: bool,
}

impl Build {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (context, tasks) = self.pools.prepare(self.force, session).await?;
        // What an earlier run left when it was killed; this one may not need a directory itself.
        sweep(&context.cache).map_err(|error| {
            let cache = context.cache.display();
            Failure::new(Exit::Failed, &format!("cannot use the cache directory {cache}"), error)
        })?;
        let (mut values, mut text, mut exit) = (Vec::new(), String::new(), Exit::Done);
        for task in &tasks {
            let built =
                orchestrator::build(&context, task, &session.terminal, &session.cancel).await;
            let outcome = built.map_err(Failure::from);
            values.push(value(&context, task, &outcome));
            match &outcome {
                Ok(outcome) => {
                    say_not_now(session, task, outcome);
                    if !outcome.not_now.is_empty() {
                        exit = exit.max(Exit::Waiting);
                    } else if outcome.steps.is_empty() {
                        session.terminal.say(&format!("{}: nothing to do", task.pool));
                    }
                    if let Some(image) = outcome.image {
                        let stream = context.store.describe(&Streams(&task.pool).content());
                        text.push_str(&format!("{stream}@{image}\n"));
                    }
                }
                // The other pools get their turn: one bad base must not hold all of them back.
                Err(failure) => {
                    session.terminal.say(&format!("{}: {failure}", task.pool));
                    exit = exit.max(failure.exit);
                }
            }
            if session.cancel.is_cancelled() {
                exit = exit.max(Exit::Failed);
                break;
            }
        }
        session.output.data(&json!({ "pools": values }), &text)?;
        Ok(exit)
    }
}
