//! The canonical form of a MachineConfig as a value: what cannot matter to an image is dropped, so
//! that it cannot cause a build. Everything else is kept, known or not.

use serde_json::{Map, Value};

/// Fields of `metadata` that say where an object has been, not what it is.
const DROPPED_METADATA: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Annotations that change without the config changing.
const DROPPED_ANNOTATIONS: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    "machineconfiguration.openshift.io/generated-by-controller-version",
    "machineconfiguration.openshift.io/release-image-version",
];

/// Removes null fields from every object in `value`; nulls in arrays stay.
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.retain(|_, value| !value.is_null());
            entries.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Removes what cannot matter from a MachineConfig whose nulls are dropped already. Labels and
/// annotations without entries, or left without any, equal absent ones.
pub(super) fn drop_bookkeeping(object: &mut Map<String, Value>) {
    object.remove("status");
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else {
        return;
    };
    metadata.retain(|field, _| !DROPPED_METADATA.contains(&field.as_str()));
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.retain(|name, _| !DROPPED_ANNOTATIONS.contains(&name.as_str()));
    }
    for field in ["annotations", "labels"] {
        if matches!(metadata.get(field), Some(Value::Object(entries)) if entries.is_empty()) {
            metadata.remove(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{drop_bookkeeping, drop_nulls};
    use serde_json::{Value, json};

    fn canonical(mut value: Value) -> Value {
        drop_nulls(&mut value);
        drop_bookkeeping(value.as_object_mut().unwrap());
        value
    }

    #[test]
    fn nulls_in_objects_are_absent_and_nulls_in_arrays_stay() {
        let mut value = json!({"a": null, "b": {"c": null}, "d": [null, {"e": null, "f": 0}]});
        drop_nulls(&mut value);
        assert_eq!(value, json!({"b": {}, "d": [null, {"f": 0}]}));
    }

    #[test]
    fn bookkeeping_is_dropped_and_the_rest_is_kept() {
        let object = json!({
            "apiVersion": "machineconfiguration.openshift.io/v1",
            "kind": "MachineConfig",
            "metadata": {
                "name": "n",
                "uid": "u",
                "resourceVersion": "1",
                "generation": 2,
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "deletionGracePeriodSeconds": 0,
                "managedFields": [{}],
                "ownerReferences": [{}],
                "selfLink": "/x",
                "finalizers": ["f"],
                "labels": {},
                "annotations": {
                    "machineconfiguration.openshift.io/generated-by-controller-version": "a",
                    "machineconfiguration.openshift.io/release-image-version": "b",
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    "machineconfiguration.openshift.io/os-image-url-overridden": "true",
                },
            },
            "spec": {"metadata": {"uid": "kept"}, "status": 1, "labels": {}},
            "status": {"x": 1},
            "other": {"uid": 1},
        });
        assert_eq!(
            canonical(object),
            json!({
                "apiVersion": "machineconfiguration.openshift.io/v1",
                "kind": "MachineConfig",
                "metadata": {
                    "name": "n",
                    "finalizers": ["f"],
                    "annotations": {
                        "machineconfiguration.openshift.io/os-image-url-overridden": "true",
                    },
                },
                "spec": {"metadata": {"uid": "kept"}, "status": 1, "labels": {}},
                "other": {"uid": 1},
            })
        );
    }

    #[test]
    fn annotations_left_empty_equal_absent_ones() {
        let absent = json!({"metadata": {"name": "n"}});
        let dropped = "kubectl.kubernetes.io/last-applied-configuration";
        for annotations in [json!({}), json!(null), json!({dropped: "x"}), json!({"a": null})] {
            let object = json!({"metadata": {"name": "n", "annotations": annotations}});
            assert_eq!(canonical(object), absent);
        }
    }
}
