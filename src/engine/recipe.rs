//! The recipe of the content image: `dockerfiles/mco-content.Dockerfile`, with the steps that a
//! config needs and no others.

use crate::image::CLEANUPS;

/// The Dockerfile with all optional steps in it. A line `#@ CONDITION` begins a part.
const TEMPLATE: &str = include_str!("../../dockerfiles/mco-content.Dockerfile");

/// The file that the recipe reads from the rendered-config image.
pub const IGNITION_FILE: &str = "/machine-config-ignition.json";

/// The build argument that hands in the rendered-config image.
pub const MACHINECONFIG: &str = "MACHINECONFIG";

/// The build argument that hands in the base.
pub const BASE: &str = "BASE";

/// The build argument that hands in the extensions image.
pub const EXTENSIONS: &str = "EXTENSIONS";

/// What a config asks for beyond files and units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packages {
    /// Nothing.
    None,
    /// Packages, from the repositories that the base knows.
    FromBase,
    /// Packages, from an extensions image.
    FromExtensionsImage,
}

/// The Dockerfile for a config. It names no image: they are handed in as build arguments. Comments
/// are left out, because the text is an input: a better comment must not build everything again.
#[must_use]
pub fn content_dockerfile(packages: Packages) -> String {
    let mut parts = TEMPLATE.split("#@ ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (condition, body) = part.split_once('\n').unwrap_or((part, ""));
        let wanted = match condition {
            "always" => true,
            "with an extensions image" => packages == Packages::FromExtensionsImage,
            "with packages from the base's repositories" => packages == Packages::FromBase,
            _ => false,
        };
        if wanted {
            text.push_str(body);
        }
    }
    text.push_str(&cleanups());
    let says_something = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(says_something).flat_map(|line| [line, "\n"]).collect()
}

fn cleanups() -> String {
    let mut text = "RUN ".to_owned();
    for (index, cleanup) in CLEANUPS.iter().enumerate() {
        if index > 0 {
            text.push_str(" && \\\n    ");
        }
        text.push_str(&cleanup.shell());
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::{Packages, content_dockerfile};

    /// Every step, in its order, as the first words of its lines.
    fn steps(packages: Packages) -> Vec<String> {
        let text = content_dockerfile(packages);
        let instructions = ["ARG ", "FROM ", "COPY ", "RUN "];
        let lines = text.lines().filter(|l| instructions.iter().any(|i| l.starts_with(i)));
        lines.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
    }

    const BEFORE: [&str; 7] = [
        "ARG MACHINECONFIG",
        "ARG BASE",
        "FROM ${MACHINECONFIG}",
        "FROM ${BASE}",
        "COPY --from=machineconfig",
        "RUN ignition=/usr/lib/dracut/modules.d/30ignition/ignition;",
        "RUN rm",
    ];

    #[test]
    fn a_config_without_packages_has_no_package_step() {
        assert_eq!(steps(Packages::None), [&BEFORE[..], &["RUN rm"]].concat());
        assert!(!content_dockerfile(Packages::None).contains("rpm-ostree ex"));
    }

    #[test]
    fn packages_are_installed_before_origin_d_is_cleaned_up() {
        let text = content_dockerfile(Packages::FromBase);
        assert_eq!(
            steps(Packages::FromBase),
            [&BEFORE[..], &["RUN rpm-ostree", "RUN rm"]].concat()
        );
        let place = |step: &str| text.find(step).unwrap();
        assert!(place("rpm-ostree ex rebuild") < place("rm -rf /etc/rpm-ostree/origin.d"));
        assert!(!text.contains("EXTENSIONS"));
    }

    #[test]
    fn packages_from_an_extensions_image_come_through_a_mount() {
        let found = steps(Packages::FromExtensionsImage);
        let stage = ["ARG EXTENSIONS", "FROM ${EXTENSIONS}"];
        let wanted = [&BEFORE[..2], &stage, &BEFORE[2..], &["RUN --mount=type=bind,from=extensions,source=/usr/share/rpm-ostree/extensions,target=/run/extensions", "RUN rm"]].concat();
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_clean_ups_are_all_there() {
        let text = content_dockerfile(Packages::None);
        for wanted in [
            "rm -rf /usr/share/rpm/__db.* && \\\n",
            "rm -rf /var/cache && \\\n",
            "rm -rf /etc/rpm-ostree/origin.d && \\\n",
            "sort -o /etc/systemd/system-preset/20-ignition.preset",
        ] {
            assert!(text.contains(wanted), "{wanted}");
        }
        assert!(!text.contains("#@"), "{text}");
    }
}
