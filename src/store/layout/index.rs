//! The index of a layout, `index.json` (image-spec, image-layout.md and image-index.md): which name
//! stands for which manifest. Pure: bytes in, bytes out. Entries and fields that are not ours are
//! kept as they are, in their order.

use serde_json::{Map, Value, json};

use crate::image::{CanonicalError, Descriptor, canonical_json};

/// The most bytes that an index may have.
pub(super) const INDEX_LIMIT: usize = 4 << 20;
/// The annotation that holds an entry's name.
const NAME: &str = "org.opencontainers.image.ref.name";

/// A layout's index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Index {
    fields: Map<String, Value>,
    entries: Vec<Value>,
}

/// What an index has under a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No such name.
    Nothing,
    /// This.
    One(Descriptor),
    /// So many different things.
    Several(usize),
}

impl Index {
    /// The index of a new layout.
    pub(super) fn empty() -> Self {
        let fields = Map::from_iter([("schemaVersion".to_owned(), json!(2))]);
        Self { fields, entries: Vec::new() }
    }

    /// Reads an index.
    ///
    /// # Errors
    /// With words for what is wrong and where, when it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let document: Value =
            serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
        let Value::Object(mut fields) = document else {
            return Err("it is no JSON object".to_owned());
        };
        if fields.get("schemaVersion") != Some(&json!(2)) {
            return Err("field schemaVersion is not 2".to_owned());
        }
        let Some(Value::Array(entries)) = fields.remove("manifests") else {
            return Err("field manifests is no array".to_owned());
        };
        for (at, entry) in entries.iter().enumerate() {
            let annotations = entry.get("annotations");
            if !entry.is_object() || annotations.is_some_and(|field| !field.is_object()) {
                return Err(format!("manifests[{at}] or its annotations are no object"));
            }
        }
        Ok(Self { fields, entries })
    }

    /// Writes it, as canonical JSON.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut fields = self.fields.clone();
        fields.insert("manifests".to_owned(), Value::Array(self.entries.clone()));
        canonical_json(&Value::Object(fields))
    }

    /// What a name stands for.
    ///
    /// # Errors
    /// With words for what is wrong, when the entry of that name is no descriptor.
    pub(super) fn find(&self, name: &str) -> Result<Found, String> {
        let mut found: Vec<Descriptor> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if name_of(entry) == Some(name) {
                let descriptor = descriptor(entry, at)?;
                if !found.contains(&descriptor) {
                    found.push(descriptor);
                }
            }
        }
        Ok(match (found.len(), found.pop()) {
            (1, Some(one)) => Found::One(one),
            (0, _) | (_, None) => Found::Nothing,
            (count, _) => Found::Several(count),
        })
    }

    /// All entries' names; an entry without one has an empty name.
    pub(super) fn names(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| name_of(entry).unwrap_or_default()).collect()
    }

    /// The descriptor of the entry at this place.
    ///
    /// # Errors
    /// With words for what is wrong, when it is none.
    pub(super) fn at(&self, at: usize) -> Result<Option<Descriptor>, String> {
        self.entries.get(at).map(|entry| descriptor(entry, at)).transpose()
    }

    /// Lets a name stand for a manifest, in the place where it stood for another.
    pub(super) fn set(&mut self, name: &str, manifest: &Descriptor) {
        let entry = json!({
            "mediaType": manifest.media_type,
            "digest": manifest.digest,
            "size": manifest.size,
            "annotations": { NAME: name },
        });
        let old = self.entries.iter().position(|entry| name_of(entry) == Some(name));
        match old {
            None => self.entries.push(entry),
            Some(at) => {
                self.entries[at] = entry;
                let mut index = 0;
                self.entries.retain(|entry| {
                    index += 1;
                    index - 1 <= at || name_of(entry) != Some(name)
                });
            }
        }
    }
}

fn name_of(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(NAME)?.as_str()
}

fn descriptor(entry: &Value, at: usize) -> Result<Descriptor, String> {
    let text = |field: &str| {
        let value = entry.get(field).and_then(Value::as_str);
        value.ok_or_else(|| format!("manifests[{at}].{field} is no string"))
    };
    let digest = text("digest")?;
    Ok(Descriptor {
        media_type: text("mediaType")?.to_owned(),
        digest: digest.parse().map_err(|error| format!("manifests[{at}].digest: {error}"))?,
        size: entry
            .get("size")
            .and_then(Value::as_u64)
            .ok_or_else(|| format!("manifests[{at}].size is no length"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::{Found, Index};
    use crate::image::{Descriptor, media_type};
    use serde_json::json;

    fn manifest(content: &str) -> Descriptor {
        Descriptor::of(media_type::MANIFEST, content.as_bytes())
    }

    #[test]
    fn a_name_stands_for_what_it_was_set_to_last() {
        let mut index = Index::empty();
        assert_eq!(index.find("a:1"), Ok(Found::Nothing));
        index.set("a:1", &manifest("x"));
        index.set("a:2", &manifest("y"));
        index.set("a:1", &manifest("z"));
        let read = Index::parse(&index.to_bytes().unwrap()).unwrap();
        assert_eq!(read.find("a:1"), Ok(Found::One(manifest("z"))));
        assert_eq!(read.find("a:2"), Ok(Found::One(manifest("y"))));
        assert_eq!(read.find("a"), Ok(Found::Nothing));
        assert_eq!(read.names(), ["a:1", "a:2"], "the order stays");
    }

    #[test]
    fn what_is_not_ours_is_kept_and_doubles_of_a_name_go() {
        let mut document = json!({
            "schemaVersion": 2,
            "mediaType": media_type::INDEX,
            "org.example": {"deep": [1, null, 2.5, 9_007_199_254_740_993_u64]},
            "manifests": [
                {"digest": "sha512:other", "org.example": true},
                {"annotations": {"org.opencontainers.image.ref.name": "n:t", "more": "x"}, "digest": 7},
                {"annotations": {"org.opencontainers.image.ref.name": 7}},
                {"annotations": {"org.opencontainers.image.ref.name": "n:t"}, "digest": 8},
            ],
        });
        let mut index = Index::parse(document.to_string().as_bytes()).unwrap();
        assert!(index.find("n:t").is_err());
        index.set("n:t", &manifest("x"));
        assert_eq!(index.find("n:t"), Ok(Found::One(manifest("x"))));
        let after: serde_json::Value = serde_json::from_slice(&index.to_bytes().unwrap()).unwrap();
        let entries = document["manifests"].as_array_mut().unwrap();
        entries.pop();
        entries[1] = json!({
            "mediaType": media_type::MANIFEST,
            "digest": manifest("x").digest,
            "size": 1,
            "annotations": {"org.opencontainers.image.ref.name": "n:t"},
        });
        assert_eq!(after, document);
    }

    #[test]
    fn two_images_of_one_name_are_counted_and_one_twice_is_one() {
        let entry = |content: &str| {
            let manifest = manifest(content);
            json!({
                "mediaType": manifest.media_type,
                "digest": manifest.digest,
                "size": manifest.size,
                "annotations": {"org.opencontainers.image.ref.name": "n"},
            })
        };
        for (entries, expected) in [
            (json!([entry("a"), entry("a")]), Found::One(manifest("a"))),
            (json!([entry("a"), entry("b")]), Found::Several(2)),
        ] {
            let document = json!({"schemaVersion": 2, "manifests": entries});
            let index = Index::parse(document.to_string().as_bytes()).unwrap();
            assert_eq!(index.find("n"), Ok(expected));
        }
    }

    #[test]
    fn malformed_indexes_say_what_is_wrong() {
        for (text, problem) in [
            ("", "no JSON"),
            ("{", "no JSON"),
            ("\u{0}\u{ff}", "no JSON"),
            ("[]", "no JSON object"),
            ("7", "no JSON object"),
            ("{}", "schemaVersion"),
            (r#"{"schemaVersion":"2"}"#, "schemaVersion"),
            (r#"{"schemaVersion":1,"manifests":[]}"#, "schemaVersion"),
            (r#"{"schemaVersion":2}"#, "field manifests"),
            (r#"{"schemaVersion":2,"manifests":{}}"#, "field manifests"),
            (r#"{"schemaVersion":2,"manifests":[{},7]}"#, "manifests[1]"),
            (r#"{"schemaVersion":2,"manifests":[{"annotations":[]}]}"#, "manifests[0]"),
        ] {
            let found = Index::parse(text.as_bytes()).unwrap_err();
            assert!(found.contains(problem), "{text}: {found}");
        }
        let deep = format!("{{\"schemaVersion\":2,\"manifests\":{}", "[".repeat(200_000));
        assert!(Index::parse(deep.as_bytes()).unwrap_err().contains("recursion limit"));
    }

    #[test]
    fn an_entry_that_is_no_descriptor_is_named() {
        for (entry, problem) in [
            (r#""mediaType":"m","digest":"sha256:0""#, "manifests[0].digest"),
            (r#""digest":7"#, "manifests[0].digest"),
            (r#""mediaType":7,"digest":"D""#, "manifests[0].mediaType"),
            (r#""mediaType":"m","digest":"D""#, "manifests[0].size"),
            (r#""mediaType":"m","digest":"D","size":-1"#, "manifests[0].size"),
            (r#""mediaType":"m","digest":"D","size":1.5"#, "manifests[0].size"),
        ] {
            let entry = entry.replace('D', &manifest("x").digest.to_string());
            let text = format!(
                r#"{{"schemaVersion":2,"manifests":[{{"annotations":
                {{"org.opencontainers.image.ref.name":"n"}},{entry}}}]}}"#
            );
            let found = Index::parse(text.as_bytes()).unwrap().find("n").unwrap_err();
            assert!(found.contains(problem), "{entry}: {found}");
        }
    }
}
