//! What Ignition means.
