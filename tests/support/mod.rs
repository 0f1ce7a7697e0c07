//! What the integration tests share: real servers on loopback ports, and a scripted one for replies
//! that no real server gives. A part that is missing fails the test; nothing is skipped.

#![allow(dead_code, reason = "each test binary uses its own part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot prepare itself has failed"
)]

pub mod certificates;
pub mod program;
pub mod registry;
pub mod scripted;
