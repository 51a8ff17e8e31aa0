//! A page of metrics over HTTP, for scrapers: one request per connection, nothing kept.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::time::Time;

/// Bytes of a request that are looked at.
const REQUEST: usize = 8 << 10;
/// Nobody takes longer to ask or to read.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many are answered at the same time; whoever comes beyond that is turned away.
const AT_ONCE: usize = 32;

/// The page as it is served.
#[derive(Clone, Debug)]
pub struct Page {
    text: Arc<Mutex<Arc<str>>>,
    /// Where it is served.
    pub address: SocketAddr,
}

/// A bound address that serves nothing yet.
#[derive(Debug)]
pub struct Server(TcpListener);

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn bind(address: SocketAddr) -> io::Result<Server> {
        TcpListener::bind(address).map(Server)
    }

    /// Serves, in threads of its own, what the page holds at the time: who connects and says nothing keeps nobody waiting.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub fn serve(self) -> io::Result<Page> {
        let address = self.0.local_addr()?;
        let page = Page { text: Arc::new(Mutex::new(Arc::from(""))), address };
        let served = page.clone();
        std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            let busy = Arc::new(());
            for stream in self.0.incoming().flatten().filter(|_| Arc::strong_count(&busy) <= AT_ONCE) {
                let (page, held) = (served.clone(), Arc::clone(&busy));
                let answering = move || {
                    // Who asks wrongly or goes away has only itself to blame.
                    let _ = answer(stream, &page);
                    drop(held);
                };
                // Where there is no thread to be had, whoever asked finds out.
                let _ = std::thread::Builder::new().name("answer".to_owned()).spawn(answering);
            }
        })?;
        Ok(page)
    }
}

impl Page {
    /// Replaces the page.
    pub fn set(&self, text: String) {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = Arc::from(text);
    }

    fn get(&self) -> Arc<str> {
        Arc::clone(&self.text.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// When the numbers of the page before this were taken: they get old where nothing takes the output.
pub fn taken(at: Time) -> String {
    const NAME: &str = "tcpstate_updated_timestamp_seconds";
    let help = "When these numbers were taken, in seconds since 1970.";
    format!("# HELP {NAME} {help}\n# TYPE {NAME} gauge\n{NAME} {at}\n")
}

fn answer(mut stream: TcpStream, page: &Page) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let begun = Instant::now();
    let mut request = Vec::new();
    let mut part = [0; 1_024];
    while !request.windows(4).any(|w| w == b"\r\n\r\n") && request.len() < REQUEST {
        if begun.elapsed() > PATIENCE {
            return Ok(());
        }
        match stream.read(&mut part)? {
            0 => break,
            n => request.extend_from_slice(&part[..n]),
        }
    }
    let line = request.split(|b| *b == b'\r' || *b == b'\n').next().unwrap_or(&[]);
    let mut words = line.split(|b| *b == b' ');
    let (method, target) = (words.next().unwrap_or(&[]), words.next().unwrap_or(&[]));
    let path = target.split(|b| *b == b'?').next().unwrap_or(&[]);
    let (status, kind, body): (_, _, Arc<str>) = match (method, path) {
        (b"GET" | b"HEAD", b"/metrics") => ("200 OK", "text/plain; version=0.0.4; charset=utf-8", page.get()),
        (b"GET" | b"HEAD", b"/") => ("200 OK", "text/plain; charset=utf-8", "tcpstate: see /metrics\n".into()),
        (b"GET" | b"HEAD", _) => ("404 Not Found", "text/plain; charset=utf-8", "not here; see /metrics\n".into()),
        _ => ("405 Method Not Allowed", "text/plain; charset=utf-8", "GET only\n".into()),
    };
    let len = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n")?;
    if method != b"HEAD" {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(page: &Page, request: &str) -> String {
        let mut stream = TcpStream::connect(page.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_scraper_gets_the_page_and_nothing_else_is_there() {
        let page = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap().serve().unwrap();
        page.set("x_total 1\n".to_owned());
        let answer = ask(&page, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"), "{answer}");
        assert!(answer.ends_with("Content-Length: 10\r\nConnection: close\r\n\r\nx_total 1\n"), "{answer}");
        assert!(ask(&page, "HEAD /metrics HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
        assert!(ask(&page, "GET /etc/passwd HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(&page, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
    }

    #[test]
    fn who_says_nothing_keeps_no_scraper_waiting() {
        let page = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap().serve().unwrap();
        page.set("x_total 1\n".to_owned());
        let mut silent: Vec<_> = (0..8).map(|_| TcpStream::connect(page.address).unwrap()).collect();
        assert!(ask(&page, "GET /metrics HTTP/1.1\r\n\r\n").ends_with("x_total 1\n"));
        // None of them had to be given up before.
        silent[0].set_nonblocking(true).unwrap();
        assert_eq!(silent[0].read(&mut [0]).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
    }
}
