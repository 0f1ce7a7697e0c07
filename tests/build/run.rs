//! A run of the program: started, watched, ended, and what it said.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use layerwright::image::Digest;
use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take, on a busy machine. Only what hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(240);

/// How often a running program is looked at.
const GLANCE: Duration = Duration::from_millis(2);

/// The program while it runs. Killed when it is dropped.
pub struct Running {
    child: Child,
    began: Instant,
    output: tempfile::TempDir,
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Running {
    /// Starts a command.
    pub fn start(mut command: Command) -> Self {
        let output = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(output.path().join(name)).unwrap();
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let child = command.spawn().unwrap();
        Self { child, began: Instant::now(), output }
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Run {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(self.began.elapsed() < PATIENCE, "it hangs: {}", self.said("stderr"));
            sleep(GLANCE);
        };
        let (stdout, stderr) = (self.said("stdout"), self.said("stderr"));
        Run { code: status.code(), stdout, stderr }
    }

    /// Waits until it says something. `false` where it ends without.
    pub fn wait_for(&mut self, text: &str) -> bool {
        loop {
            let ended = !self.is_running();
            if self.said("stderr").contains(text) {
                return true;
            }
            if ended {
                return false;
            }
            assert!(self.began.elapsed() < PATIENCE, "it never says {text:?}");
            sleep(GLANCE);
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits this long. `false` where it ends before.
    pub fn wait_while_running(&mut self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if !self.is_running() {
                return false;
            }
            sleep(GLANCE);
        }
        true
    }

    /// Sends a signal to this one process.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(mut self) -> Run {
        self.child.kill().unwrap();
        self.wait()
    }

    fn said(&self, stream: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.output.path().join(stream)).unwrap()).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Checks the exit code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Checks that it says something.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "it does not say {text:?}: {}", self.stderr);
        self
    }

    /// How many builds there were: so many decisions to build, and so many runs of buildah.
    #[track_caller]
    pub fn builds(&self) -> usize {
        let decided = self.stderr.lines().filter(|line| line.contains(": build key ")).count();
        let ran = self.stderr.lines().filter(|line| line.contains("| [1/2] STEP 1/")).count();
        assert_eq!(decided, ran, "decisions to build and runs of buildah: {}", self.stderr);
        ran
    }

    /// The images that it printed, each on a line of its own.
    #[track_caller]
    pub fn images(&self) -> Vec<Digest> {
        let digest = |line: &str| line.split_once('@').unwrap().1.parse().unwrap();
        self.stdout.lines().map(digest).collect()
    }
}
