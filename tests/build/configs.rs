//! Rendered configs.

use serde_json::{Value, json};

/// A rendered config that writes this text into a file.
pub fn with_file(name: &str, path: &str, text: &str, overwrite: bool) -> Value {
    let file = json!({
        "path": path,
        "mode": 0o640,
        "overwrite": overwrite,
        "contents": { "source": format!("data:,{text}") },
    });
    json!({
        "apiVersion": "machineconfiguration.openshift.io/v1",
        "kind": "MachineConfig",
        "metadata": { "name": name },
        "spec": { "config": {
            "ignition": { "version": "3.4.0" },
            "storage": { "files": [file] },
        } },
    })
}
