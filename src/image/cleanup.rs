//! Clean-ups: what is taken out of a content image after Ignition, so that a machine can still
//! apply a config live (design, "Images"). They are data: the Dockerfile is written from them, and
//! an engine that runs nothing can follow them.

/// One clean-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Remove what a shell pattern names, with everything below it. None of it is fine.
    Remove(&'static str),
    /// Sort the lines of a file by their bytes. No such file is fine.
    SortLines(&'static str),
}

/// All clean-ups, in order.
pub const CLEANUPS: [Cleanup; 4] = [
    // The package database's lock and cache files, which name the build's host.
    Cleanup::Remove("/usr/share/rpm/__db.*"),
    Cleanup::Remove("/var/cache"),
    // Used up by the package step; a machine would apply it again.
    Cleanup::Remove("/etc/rpm-ostree/origin.d"),
    // Old versions of Ignition write the lines in random order.
    Cleanup::SortLines("/etc/systemd/system-preset/20-ignition.preset"),
];

impl Cleanup {
    /// The clean-up as a shell command that succeeds when there is nothing to clean.
    #[must_use]
    pub fn shell(&self) -> String {
        match self {
            Self::Remove(pattern) => format!("rm -rf {pattern}"),
            Self::SortLines(path) => {
                format!("if [ -f {path} ]; then LC_ALL=C sort -o {path} {path}; fi")
            }
        }
    }
}
