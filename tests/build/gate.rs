//! A gate before a registry: it lets the first requests through only when so many of them stand
//! before it, each on a connection of its own. Who sends one after the other never gets through.

use std::io::{Read as _, Write as _, copy};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::spawn;
use std::time::Duration;

/// How long a request waits for the others.
const PATIENCE: Duration = Duration::from_secs(20);

type Waiting = Arc<(Mutex<usize>, Condvar)>;

/// Starts a gate before the registry at `target`, for `wanted` requests at once. Returns its
/// `HOST:PORT`.
pub fn start(target: String, wanted: usize) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let waiting = Waiting::default();
    spawn(move || {
        for client in listener.incoming() {
            let (client, target, waiting) = (client.unwrap(), target.clone(), waiting.clone());
            spawn(move || pass(client, &target, &waiting, wanted));
        }
    });
    host
}

/// Passes one connection on. One that ends early is no failure of the gate.
fn pass(mut client: TcpStream, target: &str, waiting: &Waiting, wanted: usize) {
    let mut request = [0; 16 * 1024];
    let length = client.read(&mut request).unwrap_or_default();
    let (count, changed) = &**waiting;
    let mut count = count.lock().unwrap();
    *count += 1;
    changed.notify_all();
    let (count, late) =
        changed.wait_timeout_while(count, PATIENCE, |count| *count < wanted).unwrap();
    drop(count);
    if late.timed_out() {
        return;
    }
    let mut server = TcpStream::connect(target).unwrap();
    server.write_all(&request[..length]).unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    spawn(move || copy(&mut from, &mut to).and_then(|_| to.shutdown(Shutdown::Write)));
    let _ = copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}
