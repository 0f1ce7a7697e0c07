//! A gate before a registry. Closed, it lets requests through only when so many of them stand
//! before it, each on a connection of its own: who sends one after the other never gets through.

use std::io::{Read as _, Write as _, copy};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::spawn;
use std::time::Duration;

/// How long a request waits for the others.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gate, open at first.
pub struct Gate {
    host: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// How many connections have to come yet before any is let through.
    missing: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    /// Starts one before the registry at `target`.
    pub fn start(target: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let shared = state.clone();
        spawn(move || {
            for client in listener.incoming() {
                let (client, target, state) = (client.unwrap(), target.clone(), shared.clone());
                spawn(move || pass(client, &target, &state));
            }
        });
        Self { host, state }
    }

    /// Its `HOST:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Closes it until so many requests stand before it.
    pub fn hold_until(&self, requests: usize) {
        *self.state.missing.lock().unwrap() = requests;
    }
}

/// Passes one connection on. One that ends early is no failure of the gate.
fn pass(mut client: TcpStream, target: &str, state: &State) {
    let mut request = [0; 16 * 1024];
    let length = client.read(&mut request).unwrap_or_default();
    let mut missing = state.missing.lock().unwrap();
    *missing = missing.saturating_sub(1);
    state.changed.notify_all();
    let (missing, waited) =
        state.changed.wait_timeout_while(missing, PATIENCE, |missing| *missing > 0).unwrap();
    drop(missing);
    if waited.timed_out() {
        return;
    }
    let mut server = TcpStream::connect(target).unwrap();
    server.write_all(&request[..length]).unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    spawn(move || copy(&mut from, &mut to).and_then(|_| to.shutdown(Shutdown::Write)));
    let _ = copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}
