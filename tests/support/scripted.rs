//! A server that answers by script, byte for byte: for replies that no real registry gives. It
//! knows nothing of registries; one connection carries one request.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Head, with all header lines, in lower case.
    pub head: String,
    /// The body, as far as it came.
    pub body: Vec<u8>,
    /// Whether the body came to its announced length.
    pub complete: bool,
}

impl Seen {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, and then these over and over until the client hangs up.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, and then nothing until the client hangs up.
    Stall(Vec<u8>),
}

/// A well-formed reply.
pub fn reply(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut bytes = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        bytes.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    bytes.push_str("\r\n");
    Answer::Bytes([bytes.as_bytes(), body].concat())
}

/// A running server.
#[derive(Debug)]
pub struct Scripted {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Scripted {
    /// Starts one that answers each request with what `script` says to it.
    pub fn start(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            seen: Arc::default(),
            sent: Arc::default(),
            stop: Arc::default(),
        };
        let (seen, sent) = (server.seen.clone(), server.sent.clone());
        let stop = server.stop.clone();
        let script = Arc::new(script);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (seen, sent, script) = (seen.clone(), sent.clone(), script.clone());
                // A client that hangs up in the middle is no failure of the server.
                thread::spawn(move || serve(stream?, &seen, &sent, script.as_ref()));
            }
        });
        server
    }

    /// `HOST:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The requests so far as `METHOD PATH`, without queries.
    pub fn verbs(&self) -> Vec<String> {
        let path = |seen: &Seen| seen.path.split('?').next().unwrap_or_default().to_owned();
        let verb = |seen: Seen| format!("{} {}", seen.method, path(&seen));
        self.seen().into_iter().map(verb).collect()
    }

    /// How many bytes the clients took.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Seen>>,
    sent: &AtomicU64,
    script: &dyn Fn(&Seen) -> Answer,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let body = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => bytes.extend_from_slice(&buffer[..n]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..body]).into_owned();
    let mut words = head.split(' ').map(str::to_owned);
    let mut request = Seen {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        head: head.to_lowercase(),
        body: bytes.split_off(body),
        complete: false,
    };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while request.body.len() < length {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(n) => request.body.extend_from_slice(&buffer[..n]),
        }
    }
    request.complete = request.body.len() == length;
    let answer = script(&request);
    seen.lock().unwrap().push(request);
    let mut send = |bytes: &[u8]| {
        stream.write_all(bytes)?;
        sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Ok::<_, std::io::Error>(())
    };
    match answer {
        Answer::Bytes(bytes) => send(&bytes),
        Answer::Endless(start, more) => {
            send(&start)?;
            loop {
                send(&more)?;
            }
        }
        Answer::Stall(start) => {
            send(&start)?;
            while stream.read(&mut buffer)? > 0 {}
            Ok(())
        }
    }
}
