//! Writes generated traffic: `cargo bench --bench traffic -- SHAPE SIZE FILE`, as pcapng if the file is named so. Always
//! the same bytes for the same arguments.
//!
//! With `-` for the file, SIZE is a number of packets, which go to standard output as they are made: of connections that
//! begin and end, some 3,000 a second of capture time, for as long as is wanted. A fourth argument is the packets per
//! second at which they are handed on; without it they come as fast as they are read.

#[path = "../tests/common/traffic.rs"]
mod traffic;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use traffic::{Endless, Shape, pcap, pcap_header, pcap_record, pcapng, traffic as made};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let (shape, size, file, rate) = match arguments.as_slice() {
        [shape, size, file] => (shape, size, file, None),
        [shape, size, file, rate] => (shape, size, file, Some(rate.parse()?)),
        _ => {
            let names = Shape::ALL.map(|(name, _)| name).join("|");
            println!("usage: cargo bench --bench traffic -- {names} SIZE FILE|- [RATE]");
            return Ok(());
        }
    };
    let (_, shape) = Shape::ALL.into_iter().find(|(name, _)| name == shape).ok_or("no such shape")?;
    if file == "-" {
        return Ok(stream(shape, size.parse()?, rate)?);
    }
    let frames = made(shape, size.parse()?);
    let bytes = if file.ends_with(".pcapng") { pcapng(&frames) } else { pcap(&frames) };
    std::fs::write(file, bytes)?;
    println!("{} packets", frames.len());
    Ok(())
}

/// Packets written in one go.
const MANY: usize = 256;

/// Writes `packets` packets to standard output, `rate` of them per second if it is given.
fn stream(shape: Shape, packets: usize, rate: Option<f64>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut bytes = pcap_header();
    let begun = Instant::now();
    for (i, frame) in Endless::new(shape).take(packets).enumerate() {
        pcap_record(&frame, &mut bytes);
        if i % MANY == MANY - 1 {
            out.write_all(&bytes)?;
            bytes.clear();
            let due = rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(i as f64 / rate));
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
    }
    out.write_all(&bytes)?;
    out.flush()
}
