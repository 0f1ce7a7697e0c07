//! What `build` and `plan` share: the pool file, the pools' configs, and the result.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::Session;
use super::exit::{Exit, Failure};
use super::options::{AccessOptions, DocumentOptions, absolute};
use super::words;
use crate::engine::{EngineChoice, this_machine};
use crate::orchestrator::{Context, Outcome, PoolTask};
use crate::plan::Streams;
use crate::source::files::{Pool, PoolFile};
use crate::store::Store;

/// Which pools, and what they need.
#[derive(Debug, Args)]
pub struct PoolOptions {
    /// The pools; all of the pool file without any
    #[arg(value_name = "POOL")]
    pools: Vec<String>,
    /// The pool file
    #[arg(short, long, value_name = "FILE", default_value = "layerwright.yaml")]
    file: PathBuf,
    /// How builds run: auto, native or buildah; the pool file decides without it
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,
    /// Where pulled bases, logs and scratch files are kept; may be deleted at any time
    #[arg(long, value_name = "DIR", env = "LAYERWRIGHT_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
    #[command(flatten)]
    document: DocumentOptions,
    #[command(flatten)]
    access: AccessOptions,
}

impl PoolOptions {
    /// Reads the pool file and the configs of the pools, and opens the store. Everything is read
    /// before anything is done.
    ///
    /// # Errors
    /// When something cannot be used.
    pub(super) async fn prepare(
        self,
        force: bool,
        session: &Session,
    ) -> Result<(Context, Vec<PoolTask>), Failure> {
        // What was asked for is checked first: an engine that is not there needs no pool file.
        self.engine.as_deref().map_or(Ok(()), check_engine)?;
        let file = PoolFile::read(&self.file).map_err(Failure::input)?;
        if let (None, Some(engine)) = (&self.engine, &file.engine) {
            check_engine(engine)?;
        }
        let pools = file
            .select(&self.pools, &self.file)
            .map_err(|error| Failure::of(Exit::Usage, error))?;
        let mut tasks = Vec::with_capacity(pools.len());
        for pool in pools {
            tasks.push(task(pool, &self.document, force, session).await?);
        }
        let access = self.access.access()?;
        let context = Context {
            store: access.open_store(&file.store)?,
            location: file.store,
            access,
            forced: std::sync::Mutex::default(),
            cache: absolute(self.cache_dir.map_or_else(default_cache_dir, Ok)?)?,
        };
        Ok((context, tasks))
    }
}

/// There is one engine so far, so what is checked need not be kept.
fn check_engine(name: &str) -> Result<(), Failure> {
    let engine = name.parse::<EngineChoice>().and_then(EngineChoice::available);
    engine.map_err(|error| Failure::of(Exit::Usage, error))
}

async fn task(
    pool: &Pool,
    document: &DocumentOptions,
    force: bool,
    session: &Session,
) -> Result<PoolTask, Failure> {
    let config = document.read(&pool.config, true).await?;
    let platform = pool.platform.clone().unwrap_or_else(this_machine);
    let task = PoolTask::new(&pool.name, config, pool.base.clone(), platform, force)?;
    if task.tag.derived {
        session.terminal.say(&format!(
            "{}: note: {:?} is no valid tag; its tag is {}",
            pool.name, task.rendered.name, task.tag.tag
        ));
    }
    Ok(task)
}

/// `$XDG_CACHE_HOME/layerwright`, or the same below the home directory.
fn default_cache_dir() -> Result<PathBuf, Failure> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .map(|dir| dir.join("layerwright"))
        .ok_or_else(|| Failure::usage("neither XDG_CACHE_HOME nor HOME is set; use --cache-dir"))
}

/// What is printed of a pool for programs.
#[must_use]
pub fn value(context: &Context, task: &PoolTask, outcome: &Result<Outcome, Failure>) -> Value {
    match outcome {
        Ok(outcome) => json!({
            "pool": task.pool,
            "machineConfig": task.rendered.name,
            "image": outcome.image.map(|image| {
                format!("{}@{image}", context.store.describe(&Streams(&task.pool).content()))
            }),
            "steps": outcome.steps,
            "notNow": outcome.not_now,
        }),
        Err(failure) => json!({
            "pool": task.pool,
            "machineConfig": task.rendered.name,
            "error": failure.causes,
        }),
    }
}

/// Says what cannot be done about a pool now.
pub(super) fn say_not_now(session: &Session, task: &PoolTask, outcome: &Outcome) {
    for not_now in &outcome.not_now {
        session.terminal.say(&format!("{}: {}", task.pool, words::not_now_line(not_now)));
    }
}
