//! Real captures of other projects against what other tools say about them.

mod common;

use tcpstate::source;

#[test]
fn packets_are_counted_as_the_oracle_counts_them() {
    let Some(corpus) = common::corpus() else { return };
    let mut wrong = Vec::new();
    for line in common::oracle(&corpus) {
        let file = line["file"].as_str().unwrap();
        let mut source = match source::open(&[corpus.join(file)]) {
            Ok(source) => source,
            Err(error) => {
                eprintln!("{} {error}", line["set"]);
                continue;
            }
        };
        let mut packets = 0;
        while source.next().is_some() {
            packets += 1;
        }
        let info = &source.files()[0];
        if line["packets"].as_u64() != Some(packets) || info.problem.is_some() {
            eprintln!("{} {packets} {} {info:?}", line["set"], line["packets"]);
        }
        if line["set"] == "good" && line["packets"].as_u64() != Some(packets) {
            wrong.push(file.to_string());
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
