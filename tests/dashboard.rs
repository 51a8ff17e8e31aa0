//! The dashboard as it looks, at 80 columns and 24 lines and at odd sizes: a watcher is fed packets, the view is drawn
//! on a screen in memory.

#[path = "common/conversation.rs"]
mod conversation;

use std::io::Cursor;

use conversation::Conversation;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tcpstate::analyze::Options;
use tcpstate::dashboard::{Action, Ui, View, build, draw};
use tcpstate::live::{Limits, Watcher};
use tcpstate::render::Zone;
use tcpstate::source::{FileInfo, open_reader};
use tcpstate::time::{Span, Time};

/// What was seen, and a while after it.
fn watcher(conversation: Conversation, later: Span) -> Watcher {
    let mut watcher = Watcher::new(Options::default(), None, Limits { connections: 1_000 });
    let mut source = open_reader("x", Box::new(Cursor::new(conversation.bytes))).unwrap();
    let mut last = Time(0);
    while let Some(packet) = source.next() {
        last = packet.time;
        watcher.packet(&packet);
        watcher.advance(last);
    }
    watcher.advance(last + later);
    watcher.assess(0);
    watcher
}

fn busy() -> Watcher {
    let mut conversation = Conversation::new();
    for port in 0..4 {
        conversation =
            conversation.half_closed(40_000 + port).after(700_000).closed(41_000 + port).refused(42_000 + port);
    }
    watcher(conversation, Span::secs(40))
}

fn view(watcher: &Watcher, ui: &Ui) -> View {
    let source = FileInfo { name: "eth0".to_owned(), dropped: Some(0), ..FileInfo::default() };
    build(watcher, &source, ui, Zone::Utc)
}

fn screen(view: &View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view)).unwrap();
    terminal.backend().to_string()
}

fn press(ui: &mut Ui, code: KeyCode, view: &View) -> Action {
    let listed: Vec<u64> = view.connections.iter().map(|row| row.id).collect();
    ui.key(KeyEvent::new(code, KeyModifiers::NONE), &listed)
}

#[test]
fn the_list() {
    insta::assert_snapshot!(screen(&view(&busy(), &Ui::default()), 80, 24));
}

#[test]
fn one_connection_grows() {
    let mut watcher = busy();
    let mut ui = Ui::default();
    let before = view(&watcher, &ui);
    let Action::Follow(id) = press(&mut ui, KeyCode::Enter, &before) else { panic!("enter opens") };
    watcher.follow(id);
    // The server closes at last: the rest of the first connection, in a capture of its own that goes on later.
    let rest = Conversation::new()
        .after(45_000_000)
        .segment(40_000, false, 507, 107, conversation::FIN, b"")
        .after(90)
        .segment(40_000, true, 107, 508, conversation::ACK, b"");
    let mut source = open_reader("x", Box::new(Cursor::new(rest.bytes))).unwrap();
    while let Some(packet) = source.next() {
        watcher.packet(&packet);
        watcher.advance(packet.time);
    }
    insta::assert_snapshot!(screen(&view(&watcher, &ui), 80, 24));
}

#[test]
fn help_and_filter() {
    let watcher = busy();
    let mut ui = Ui::default();
    let first = view(&watcher, &ui);
    press(&mut ui, KeyCode::Char('?'), &first);
    insta::assert_snapshot!("help", screen(&view(&watcher, &ui), 80, 24));
    press(&mut ui, KeyCode::Esc, &first);
    for code in "/prot 80".chars().map(KeyCode::Char).chain([KeyCode::Enter]) {
        press(&mut ui, code, &first);
    }
    insta::assert_snapshot!("wrong_filter", screen(&view(&watcher, &ui), 80, 24));
}

#[test]
fn an_interface_that_was_down_is_not_a_quiet_one() {
    let problem = Some("interface eth0 was down".to_owned());
    let source = FileInfo { name: "eth0".to_owned(), dropped: Some(0), problem, ..FileInfo::default() };
    let view = build(&busy(), &source, &Ui::default(), Zone::Utc);
    let headline = screen(&view, 80, 24).lines().next().unwrap().to_owned();
    assert!(headline.contains("22:14:03  interface eth0 was down  0 packets/s"), "{headline}");
}

#[test]
fn the_filter_is_seen_at_eighty_columns_and_findings_of_others_do_not_end_with_it() {
    let mut watcher = busy();
    let mut ui = Ui::default();
    let first = view(&watcher, &ui);
    assert_eq!(watcher.findings().len(), 1);
    let typed = "/server.state CLOSE_WAIT".chars().map(KeyCode::Char).chain([KeyCode::Enter]);
    let actions: Vec<Action> = typed.map(|code| press(&mut ui, code, &first)).collect();
    let Some(Action::Filter(filter)) = actions.into_iter().last() else { panic!("enter chooses") };
    watcher.set_filter(filter);
    watcher.advance(watcher.now() + Span::secs(1));
    watcher.assess(0);
    assert!(watcher.held().is_empty(), "what the filter leaves out still holds");
    insta::assert_snapshot!("filtered", screen(&view(&watcher, &ui), 80, 24));
    watcher.set_filter(None);
    watcher.advance(watcher.now() + Span::secs(1));
    watcher.assess(0);
    assert_eq!(watcher.findings().len(), 1);
}

#[test]
fn the_report_of_a_filter_tells_the_time_of_no_others() {
    let mut watcher = busy();
    let table = |watcher: &Watcher| watcher.report(FileInfo::default()).timing;
    let all = table(&watcher);
    watcher.set_filter(Some(tcpstate::filter::parse("client port 41001").unwrap()));
    let one = table(&watcher);
    let count = |timing: &tcpstate::report::Tables| timing.all.connections;
    assert_eq!((count(&all), count(&one)), (12, 1));
}

#[test]
fn no_size_is_too_small() {
    let watcher = busy();
    for open in [None, Some(1), Some(99)] {
        let ui = Ui { open, help: true, ..Ui::default() };
        let view = view(&watcher, &ui);
        for (width, height) in [(1, 1), (10, 3), (40, 12), (79, 23), (200, 60)] {
            screen(&view, width, height);
        }
    }
}

#[test]
fn what_expires_leaves_the_screen_without_a_packet() {
    let mut watcher = watcher(Conversation::new().closed(40_000), Span::secs(1));
    let time_wait = |watcher: &Watcher| {
        view(watcher, &Ui::default()).states.iter().map(|row| (row.state.name(), row.client)).collect::<Vec<_>>()
    };
    assert!(time_wait(&watcher).contains(&("TIME_WAIT", 1)));
    watcher.advance(watcher.now() + Span::secs(61));
    assert!(time_wait(&watcher).contains(&("TIME_WAIT", 0)));
}
