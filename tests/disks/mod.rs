//! What tests need of disks: small ones, full ones, read-only ones, and users who may not read.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system mounted for as long as this value lives.
pub struct Mount {
    point: PathBuf,
}

impl Mount {
    /// A file system in memory with these mount options, for example `size=1m`.
    pub fn tmpfs(point: &Path, options: &str) -> Self {
        std::fs::create_dir_all(point).unwrap();
        run("mount", &["-t", "tmpfs", "-o", options, "tmpfs"], point);
        Self { point: point.to_owned() }
    }

    /// Makes it read-only.
    pub fn read_only(&self) {
        run("mount", &["-o", "remount,ro"], &self.point);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a reader that a failed test left open must not keep it.
        let _ = Command::new("umount").arg("-l").arg(&self.point).status();
    }
}

fn run(program: &str, arguments: &[&str], point: &Path) {
    let status = Command::new(program)
        .args(arguments)
        .arg(point)
        .status()
        .unwrap_or_else(|error| panic!("{program}: {error}; see .ci/setup"));
    assert!(
        status.success(),
        "{program} {arguments:?} {}: these tests mount file systems and so run as root",
        point.display()
    );
}

/// Runs one test of this test binary in a process of its own, as another user where `uid` says so;
/// the test knows itself by the variable `LAYERWRIGHT_TEST_CHILD`.
pub fn child(test: &str, argument: &Path, uid: Option<u32>) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match uid {
        None => Command::new(program),
        Some(uid) => {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={uid}")).args(["--clear-groups", "--"]).arg(program);
            command
        }
    };
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("LAYERWRIGHT_TEST_CHILD", argument);
    command
}

/// Runs such a child to its end, which must be good. A test that is not found passes as well as
/// none: so it must say that it ran.
pub fn passes(mut child: Command) {
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
