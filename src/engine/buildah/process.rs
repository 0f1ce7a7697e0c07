//! Running a command: its output streamed, kept, and the whole of it ended when it is cancelled.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::BuildahError;
use crate::image::printable;

/// The most bytes of one line of output that are kept; the rest of the line is dropped.
const LINE_LIMIT: usize = 16 * 1024;

/// The most lines of standard output that are returned.
const OUTPUT_LINES: usize = 64;

/// Takes each line of a command's output as it comes.
pub trait LineSink: Send + Sync {
    /// One line, without its end.
    fn line(&self, line: &str);
}

/// Runs a command in a directory to its end and returns the last lines of its standard output. Cancelling kills it
/// and waits until all it started is gone.
///
/// # Errors
/// When it cannot be started, fails, or is cancelled.
pub async fn run(
    words: &[OsString],
    environment: &[(&'static str, OsString)],
    directory: &Path,
    sink: &dyn LineSink,
    cancel: &CancellationToken,
) -> Result<Vec<String>, BuildahError> {
    let (program, arguments) = words.split_first().ok_or(BuildahError::NoCommand)?;
    let name = program.to_string_lossy().into_owned();
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A terminal's Ctrl-C is for this program alone, which then ends the build in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| BuildahError::Start { program: name, source })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // The pipes end when the last process that holds them does: waiting for that is waiting for
    // everything the command started.
    let drain = async { tokio::join!(lines(stdout, sink), lines(stderr, sink)) };
    tokio::pin!(drain);
    let output = tokio::select! {
        output = &mut drain => output,
        () = cancel.cancelled() => {
            let killed = child.kill().await;
            drain.await;
            killed.map_err(|source| BuildahError::Wait { source })?;
            return Err(BuildahError::Cancelled);
        }
    };
    let status = child.wait().await.map_err(|source| BuildahError::Wait { source })?;
    let (output, errors) = output;
    if status.success() {
        return Ok(output);
    }
    let said = errors.iter().chain(&output).rev();
    let last = said.map(|line| line.trim()).find(|line| line.starts_with("Error: "));
    let last = last.or(errors.last().map(String::as_str)).unwrap_or("it said nothing").to_owned();
    Err(BuildahError::Failed { status: status.to_string(), last })
}

/// Reads lines until the pipe ends; a line that is too long is cut.
async fn lines(pipe: Option<impl AsyncRead + Unpin>, sink: &dyn LineSink) -> Vec<String> {
    let mut kept = std::collections::VecDeque::new();
    let Some(pipe) = pipe else { return Vec::new() };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    // An error of a pipe is its end: there is nobody else to read from.
    while let Ok(chunk) = reader.fill_buf().await {
        if chunk.is_empty() {
            break;
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        line.extend_from_slice(&part[..part.len().min(LINE_LIMIT - line.len())]);
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            finish(&mut line, sink, &mut kept);
        }
    }
    if !line.is_empty() {
        finish(&mut line, sink, &mut kept);
    }
    kept.into()
}

fn finish(line: &mut Vec<u8>, sink: &dyn LineSink, kept: &mut std::collections::VecDeque<String>) {
    let text = printable(&String::from_utf8_lossy(line));
    sink.line(&text);
    if kept.len() == OUTPUT_LINES {
        kept.pop_front();
    }
    kept.push_back(text);
    line.clear();
}

#[cfg(test)]
mod tests {
    use super::{BuildahError, LineSink, run};
    use std::sync::Mutex;
    use tokio_util::sync::CancellationToken;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl LineSink for Lines {
        fn line(&self, line: &str) {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    async fn shell(script: &str, cancel: &CancellationToken) -> Result<Vec<String>, BuildahError> {
        let words = ["/bin/sh", "-c", script].map(Into::into);
        let environment = [("PATH", "/usr/bin:/bin".into())];
        run(&words, &environment, "/".as_ref(), &Lines::default(), cancel).await
    }

    #[tokio::test]
    async fn output_is_returned_and_failures_say_what_was_said() {
        let cancel = CancellationToken::new();
        assert_eq!(shell("echo one; printf two", &cancel).await.unwrap(), ["one", "two"]);
        let failed = shell("echo 'Error: building at STEP' >&2; echo later >&2; exit 7", &cancel);
        let failed = failed.await.unwrap_err().to_string();
        assert!(failed.contains("Error: building at STEP") && failed.contains('7'), "{failed}");
    }

    #[tokio::test]
    async fn long_lines_are_cut_and_control_characters_are_not_shown() {
        let cancel = CancellationToken::new();
        let long = shell("head -c 100000 /dev/zero | tr '\\0' x; printf '\\033[2J'", &cancel).await;
        let long = long.unwrap().remove(0);
        assert_eq!(long.len(), super::LINE_LIMIT);
        assert_eq!(shell("printf 'a\\033b'", &cancel).await.unwrap(), ["a b"]);
    }

    #[tokio::test]
    async fn cancelling_kills_what_runs() {
        let cancel = CancellationToken::new();
        let later = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            later.cancel();
        });
        let found = shell("exec sleep 600", &cancel).await;
        assert!(matches!(found, Err(BuildahError::Cancelled)), "{found:?}");
    }
}
