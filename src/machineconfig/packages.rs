//! Extensions and kernel type as packages: the tables of the machine-config-operator.

use super::error::Problem;
use super::place::shortened;

/// `spec.kernelType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KernelType {
    /// `default`, empty or absent: the base's own kernel.
    #[default]
    Default,
    /// `realtime`.
    Realtime,
    /// `64k-pages`, for aarch64.
    Pages64k,
}

impl KernelType {
    /// Reads `spec.kernelType`.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "" | "default" => Ok(Self::Default),
            "realtime" => Ok(Self::Realtime),
            "64k-pages" => Ok(Self::Pages64k),
            _ => Err(Problem::KernelType { found: shortened(text) }),
        }
    }

    /// The packages that this kernel consists of, in place of [`DEFAULT_KERNEL`].
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Default => &[],
            Self::Realtime => &["kernel-rt", "kernel-rt-modules", "kernel-rt-modules-extra"],
            Self::Pages64k => &["kernel-64k", "kernel-64k-modules", "kernel-64k-modules-extra"],
        }
    }
}

/// What another kernel replaces.
const DEFAULT_KERNEL: &[&str] = &["kernel", "kernel-modules", "kernel-modules-extra"];

/// Extensions that are not one package of the same name.
const EXTENSIONS: &[(&str, &[&str])] = &[
    ("ipsec", &["NetworkManager-libreswan", "libreswan"]),
    ("kerberos", &["krb5-workstation", "libkadm5"]),
    ("kernel-devel", &["kernel-devel", "kernel-headers"]),
    ("sandboxed-containers", &["kata-containers"]),
    ("sysstat", &["sysstat"]),
    ("two-node-ha", &["pacemaker", "pcs", "fence-agents-all"]),
    ("usbguard", &["usbguard"]),
];

/// What a config changes in the base's packages. Empty when it asks for neither extensions nor
/// another kernel; the image build has steps for packages only when it is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackageChanges {
    /// Packages to install: of the extensions in the config's order, then the kernel's. None twice.
    pub install: Vec<String>,
    /// Packages of the base to remove.
    pub remove: Vec<String>,
}

impl PackageChanges {
    /// The changes for these extensions and this kernel.
    pub(super) fn of(extensions: &[String], kernel: KernelType) -> Self {
        let mut changes = Self::default();
        for extension in extensions {
            match EXTENSIONS.iter().find(|(name, _)| name == extension) {
                Some((_, packages)) => packages.iter().for_each(|name| changes.add(name)),
                None => changes.add(extension),
            }
        }
        for package in kernel.packages() {
            changes.add(package);
        }
        if kernel != KernelType::Default {
            changes.remove = DEFAULT_KERNEL.iter().map(ToString::to_string).collect();
        }
        changes
    }

    fn add(&mut self, package: &str) {
        if !self.install.iter().any(|have| have == package) {
            self.install.push(package.to_owned());
        }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.install.is_empty() && self.remove.is_empty()
    }
}

/// Whether `name` can be the name of an extension, and so of a package. The names end up as
/// arguments of a package manager, which must take none of them for an option.
pub(super) fn is_extension_name(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-~^".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::{KernelType, PackageChanges, is_extension_name};

    fn install(extensions: &[&str], kernel: KernelType) -> String {
        let extensions: Vec<String> = extensions.iter().map(ToString::to_string).collect();
        PackageChanges::of(&extensions, kernel).install.join(" ")
    }

    #[test]
    fn extensions_become_their_packages_in_order() {
        let cases: [(&[&str], &str); 9] = [
            (&["usbguard"], "usbguard"),
            (&["kerberos"], "krb5-workstation libkadm5"),
            (&["kernel-devel"], "kernel-devel kernel-headers"),
            (&["sandboxed-containers"], "kata-containers"),
            (&["ipsec"], "NetworkManager-libreswan libreswan"),
            (&["sysstat"], "sysstat"),
            (&["two-node-ha"], "pacemaker pcs fence-agents-all"),
            (&["strace"], "strace"),
            (&["zsh", "kernel-devel", "zsh", "kernel-headers"], "zsh kernel-devel kernel-headers"),
        ];
        for (extensions, expected) in cases {
            assert_eq!(install(extensions, KernelType::Default), expected);
        }
        assert!(PackageChanges::of(&[], KernelType::Default).is_empty());
    }

    #[test]
    fn another_kernel_replaces_the_default_one() {
        let realtime = PackageChanges::of(&[], KernelType::Realtime);
        assert_eq!(realtime.remove.join(" "), "kernel kernel-modules kernel-modules-extra");
        assert_eq!(
            install(&["usbguard"], KernelType::Realtime),
            "usbguard kernel-rt kernel-rt-modules kernel-rt-modules-extra"
        );
        assert_eq!(
            install(&[], KernelType::Pages64k),
            "kernel-64k kernel-64k-modules kernel-64k-modules-extra"
        );
    }

    #[test]
    fn kernel_types_are_the_known_ones() {
        for (text, kernel) in [
            ("", KernelType::Default),
            ("default", KernelType::Default),
            ("realtime", KernelType::Realtime),
            ("64k-pages", KernelType::Pages64k),
        ] {
            assert_eq!(KernelType::parse(text).unwrap(), kernel);
        }
        for text in ["Realtime", "rt", "default "] {
            let error = KernelType::parse(text).unwrap_err().to_string();
            assert!(error.contains("64k-pages"), "{error}");
        }
    }

    #[test]
    fn extension_names_are_no_options_and_no_shell() {
        for good in ["usbguard", "389-ds", "gtk+", "NetworkManager-libreswan", "a.b_c~1^2"] {
            assert!(is_extension_name(good), "{good}");
        }
        let long = "a".repeat(129);
        for bad in ["", "-y", "--installroot=/", "a b", "a;b", "$(a)", "a\nb", "é", "../a", &long]
        {
            assert!(!is_extension_name(bad), "{bad}");
        }
    }
}
