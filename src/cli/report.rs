//! What commands say while they work, on standard error.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::words;
use crate::orchestrator::{Progress, Report};
use crate::plan::Step;

/// Work is shown as under way once it takes this long: what is done before is no news.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often what is shown moves.
const TICK: Duration = Duration::from_millis(120);

/// Says lines on standard error; shows progress where that is a terminal.
#[derive(Debug)]
pub struct Terminal {
    bars: MultiProgress,
}

impl Terminal {
    /// Standard error.
    #[must_use]
    pub fn new() -> Self {
        Self { bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()) }
    }

    /// Says a line.
    pub fn say(&self, line: &str) {
        use std::io::Write;
        // A line that nobody can read is no reason to stop the work.
        self.bars.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{line}");
        });
    }
}

impl Report for Terminal {
    fn step(&self, pool: &str, step: &Step) {
        for line in words::step_lines(step) {
            self.say(&format!("{pool}: {line}"));
        }
    }

    fn note(&self, pool: &str, text: &str) {
        self.say(&format!("{pool}: note: {text}"));
    }

    fn log(&self, line: &str) {
        self.say(&format!("  | {line}"));
    }

    fn begin(&self, what: &str, bytes: Option<u64>) -> Box<dyn Progress> {
        let template = match bytes {
            Some(_) => "{spinner} {msg} {bytes}/{total_bytes} {elapsed}",
            None => "{spinner} {msg} {elapsed}",
        };
        // The templates are constants; the default style serves should one of them be wrong.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar =
            ProgressBar::new(bytes.unwrap_or(0)).with_style(style).with_message(what.to_owned());
        let (shown, bars) = (bar.clone(), self.bars.clone());
        let showing = tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            bars.add(shown).enable_steady_tick(TICK);
        });
        Box::new(Shown { bar, showing })
    }
}

/// Progress that is shown, or will be.
struct Shown {
    bar: ProgressBar,
    showing: tokio::task::JoinHandle<()>,
}

impl Progress for Shown {
    fn moved(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.showing.abort();
        self.bar.finish_and_clear();
    }
}
