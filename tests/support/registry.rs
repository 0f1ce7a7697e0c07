//! The distribution project's registry (Debian package `docker-registry`), started for one test on
//! a free loopback port with a temporary directory, and killed when it is dropped.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::certificates::Certificates;

const PROGRAM: &str = "docker-registry";
/// How long it may take to start, on a busy machine.
const START: Duration = Duration::from_secs(20);

/// What the registry is to be like.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Asks for this user and password (htpasswd).
    pub login: Option<(&'static str, &'static str)>,
    /// Speaks https with a certificate of its own authority.
    pub tls: bool,
}

/// A running registry.
#[derive(Debug)]
pub struct Distribution {
    child: Child,
    dir: tempfile::TempDir,
    port: u16,
    certificates: Option<Certificates>,
}

/// A line of the access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status that was answered.
    pub status: u16,
}

/// A place in the access log.
#[derive(Debug, Clone, Copy)]
pub struct Mark(usize);

impl Distribution {
    /// An anonymous one over plain http.
    pub fn start() -> Self {
        Self::start_as(&Wanted::default())
    }

    /// One that is like `wanted`.
    pub fn start_as(wanted: &Wanted) -> Self {
        // Between finding a free port and listening on it, someone else may take it.
        for _ in 0..5 {
            if let Some(registry) = Self::try_start(wanted) {
                return registry;
            }
        }
        panic!("{PROGRAM} found no free port in five tries");
    }

    fn try_start(wanted: &Wanted) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let certificates = wanted.tls.then(|| Certificates::make(dir.path()));
        let config = dir.path().join("config.yml");
        fs::write(&config, configuration(&dir, port, wanted, &certificates)).unwrap();
        let output = |name: &str| File::create(dir.path().join(name)).unwrap();
        let child = Command::new(PROGRAM)
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(output("access.log"))
            .stderr(output("error.log"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {PROGRAM} ({error}): run .ci/setup"));
        let mut registry = Self { child, dir, port, certificates };
        let begin = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = registry.child.try_wait().unwrap();
            let errors = || fs::read_to_string(registry.dir.path().join("error.log")).unwrap();
            if ended.is_some() && errors().contains("address already in use") {
                return None;
            }
            assert!(
                ended.is_none() && begin.elapsed() < START,
                "{PROGRAM} does not start: {}",
                errors()
            );
            sleep(Duration::from_millis(10));
        }
        Some(registry)
    }

    /// `HOST:PORT`, as in references.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate of the authority to trust; it has to be one with TLS.
    pub fn ca(&self) -> PathBuf {
        self.certificates.as_ref().expect("no TLS").ca.clone()
    }

    /// The file that holds a blob, or manifest, of this registry. `digest` is `sha256:HEX`.
    pub fn blob_file(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        self.dir
            .path()
            .join("storage/docker/registry/v2/blobs/sha256")
            .join(&hex[..2])
            .join(hex)
            .join("data")
    }

    /// The end of the access log as it is now.
    pub fn mark(&self) -> Mark {
        Mark(self.log().len())
    }

    /// All requests since `mark`, in the order in which they were answered.
    pub fn since(&self, mark: Mark) -> Vec<Logged> {
        self.log().split_off(mark.0)
    }

    /// All requests since `mark` as `METHOD STATUS`.
    pub fn verbs_since(&self, mark: Mark) -> Vec<String> {
        let verb = |Logged { method, status, .. }: Logged| format!("{method} {status}");
        self.since(mark).into_iter().map(verb).collect()
    }

    /// The whole log. A request is logged before the end of its reply is sent, except for long
    /// ones: so the log is read until it rests.
    fn log(&self) -> Vec<Logged> {
        let path = self.dir.path().join("access.log");
        let mut text = fs::read_to_string(&path).unwrap();
        loop {
            sleep(Duration::from_millis(20));
            let now = fs::read_to_string(&path).unwrap();
            if now == text {
                break;
            }
            text = now;
        }
        text.lines().filter_map(parse).collect()
    }
}

impl Drop for Distribution {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of the access log, in the combined log format; `None` for other lines.
fn parse(line: &str) -> Option<Logged> {
    let mut quoted = line.split('"');
    let mut request = quoted.nth(1)?.split(' ');
    let status = quoted.next()?.split_whitespace().next()?.parse().ok()?;
    Some(Logged { method: request.next()?.to_owned(), path: request.next()?.to_owned(), status })
}

fn configuration(
    dir: &tempfile::TempDir,
    port: u16,
    wanted: &Wanted,
    certificates: &Option<Certificates>,
) -> String {
    let at = |name: &str| dir.path().join(name).display().to_string();
    let mut text = format!(
        "version: 0.1\n\
         log: {{level: warn, accesslog: {{disabled: false}}}}\n\
         storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}\n\
         http:\n  addr: 127.0.0.1:{port}\n  secret: of-this-test\n",
        storage = at("storage"),
    );
    if let Some(Certificates { server, server_key, .. }) = certificates {
        let (server, key) = (server.display(), server_key.display());
        writeln!(text, "  tls: {{certificate: {server}, key: {key}}}").unwrap();
    }
    if let Some((user, password)) = wanted.login {
        let output = Command::new("htpasswd")
            .args(["-Bbn", user, password])
            .output()
            .unwrap_or_else(|error| panic!("cannot run htpasswd ({error}): run .ci/setup"));
        assert!(output.status.success(), "htpasswd: {output:?}");
        fs::write(at("htpasswd"), output.stdout).unwrap();
        writeln!(text, "auth: {{htpasswd: {{realm: test, path: {}}}}}", at("htpasswd")).unwrap();
    }
    text
}
