//! Findings that many connections show alike: which of them are told, and what is counted.

use tcpstate::detect::{ALL, Brief, Groups, Selection};
use tcpstate::report::directory::Directory;
use tcpstate::report::{Finding, Severity, Side, findings};
use tcpstate::segment::Socket;
use tcpstate::time::Time;

/// A scan shows the same of each host that it meets: of a thousand such findings as many are told as were asked for, those
/// with the most connections, and of equals those with the lowest address; the others are counted.
#[test]
fn of_very_many_findings_alike_few_are_told_and_the_others_counted() {
    let declaration = ALL.iter().position(|d| d.name == "syn-refused").unwrap() as u8;
    let (mut groups, mut directory) = (Groups::new(), Directory::default());
    let client = [198, 51, 100, 1].into();
    let server = |host: u32| Socket { addr: std::net::Ipv4Addr::from_bits(0xc000_0200 + host).into(), port: 81 };
    let of_host = |host: u32| if host == 700 { 3 } else { 1 };
    let mut id = 0;
    for host in 0..1_000 {
        for _ in 0..of_host(host) {
            id += 1;
            let brief = Brief {
                time: Time(id as i64),
                packet: 2 * id,
                length: 0,
                number: 0,
                cause: None,
                declaration,
                severity: Severity::Note,
                endpoint: Some(Side::Server),
            };
            let parties = directory.parties(client, server(host));
            groups.add((id, id as usize, id % 100 == 5), parties, server(host), (&brief, None));
        }
    }
    let service = |f: &Finding| f.facts["service"].as_str().unwrap().to_owned();
    let finish = |told, chosen| {
        let (mut list, untold) = groups.clone().finish(&directory, &Selection::default(), (told, chosen), |_, _| None);
        findings::sort(&mut list);
        let counted: Vec<_> = untold.iter().map(|u| (u.name, u.severity, u.findings, u.connections)).collect();
        (list.iter().map(service).collect::<Vec<_>>(), counted)
    };
    let (all, none) = finish(usize::MAX, false);
    assert_eq!((all.len(), none.len()), (1_000, 0));
    let (told, counted) = finish(3, false);
    assert_eq!(told, [server(700), server(0), server(1)].map(|s| s.to_string()));
    assert_eq!(told, all[..3]);
    assert_eq!(counted, [("syn-refused", Severity::Note, 997, 997)]);
    let (told, counted) = finish(3, true);
    assert_eq!(told, [server(4), server(104), server(204)].map(|s| s.to_string()));
    assert_eq!(counted, [("syn-refused", Severity::Note, 7, 7)]);
    assert_eq!(finish(0, false), (Vec::new(), vec![("syn-refused", Severity::Note, 1_000, 1_002)]));
}
