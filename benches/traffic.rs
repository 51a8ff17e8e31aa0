//! Writes generated traffic to a file: `cargo bench --bench traffic -- SHAPE SIZE FILE`, as pcapng if the file is
//! named so. Always the same bytes for the same arguments.

#[path = "../tests/common/traffic.rs"]
mod traffic;

use traffic::{Shape, pcap, pcapng, traffic as made};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [shape, size, file] = arguments.as_slice() else {
        let names = Shape::ALL.map(|(name, _)| name).join("|");
        println!("usage: cargo bench --bench traffic -- {names} SIZE FILE");
        return Ok(());
    };
    let (_, shape) = Shape::ALL.into_iter().find(|(name, _)| name == shape).ok_or("no such shape")?;
    let frames = made(shape, size.parse()?);
    let bytes = if file.ends_with(".pcapng") { pcapng(&frames) } else { pcap(&frames) };
    std::fs::write(file, bytes)?;
    println!("{} packets", frames.len());
    Ok(())
}
